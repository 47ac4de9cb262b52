"""What a mail provider reports about messages that have left: bounces, complaints, unsubscriptions.

django-anymail has checked by then that it is the provider who speaks.
"""

from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.dispatch import receiver

from accounts.models import BlockedAddress, User
from accounts.services import addresses, unsubscribe

Reason = BlockedAddress.Reason
# What is wrong with the address itself. A full mailbox or a refused sender passes, and what
# Postmark calls a soft bounce does, too.
LASTING = {RejectReason.BOUNCED, RejectReason.INVALID}
SOFT = "SoftBounce"


@receiver(tracking)
def reported(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Stop writing where a report says so. Idempotent: providers repeat themselves."""
    address = (event.recipient or "").strip()
    words = f"{esp_name}: {event.description or event.mta_response or event.event_type}"
    failed = event.event_type in (EventType.BOUNCED, EventType.REJECTED)
    lasting = event.reject_reason in LASTING and event.esp_event.get("Type") != SOFT
    if not address:
        return
    if event.event_type == EventType.COMPLAINED or event.reject_reason == RejectReason.SPAM:
        addresses.block(address=address, reason=Reason.COMPLAINED, words=words)
    elif failed and lasting:
        addresses.block(address=address, reason=Reason.BOUNCED, words=words)
    elif event.event_type == EventType.UNSUBSCRIBED:
        for user in User.objects.filter(email=address.lower()):
            unsubscribe.stop_letters(user)
