from accounts.models.outbox import OutgoingEmail
from accounts.models.users import GUEST_DOMAIN, GUEST_STAYS, AlertPreference, User

__all__ = ["GUEST_DOMAIN", "GUEST_STAYS", "AlertPreference", "OutgoingEmail", "User"]
