from accounts.models.outbox import OutgoingEmail
from accounts.models.users import (
    GUEST_DOMAIN,
    GUEST_STAYS,
    AlertPreference,
    BaseUnit,
    NumberStyle,
    Theme,
    User,
)

__all__ = [
    "GUEST_DOMAIN",
    "GUEST_STAYS",
    "AlertPreference",
    "BaseUnit",
    "NumberStyle",
    "OutgoingEmail",
    "Theme",
    "User",
]
