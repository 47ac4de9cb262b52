from accounts.models.outbox import OutgoingEmail
from accounts.models.users import User

__all__ = ["OutgoingEmail", "User"]
