from accounts.models.outbox import OutgoingEmail
from accounts.models.users import AlertPreference, User

__all__ = ["AlertPreference", "OutgoingEmail", "User"]
