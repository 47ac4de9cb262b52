from accounts.models.addresses import BlockedAddress
from accounts.models.notifications import Kind, Notification
from accounts.models.outbox import OutgoingEmail
from accounts.models.tokens import ApiToken
from accounts.models.users import (
    GUEST_DOMAIN,
    GUEST_STAYS,
    AlertPreference,
    BaseUnit,
    NumberStyle,
    Theme,
    User,
)
from accounts.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "GUEST_DOMAIN",
    "GUEST_STAYS",
    "AlertPreference",
    "ApiToken",
    "BaseUnit",
    "BlockedAddress",
    "Kind",
    "Notification",
    "NumberStyle",
    "OutgoingEmail",
    "Theme",
    "User",
    "Webhook",
    "WebhookDelivery",
]
