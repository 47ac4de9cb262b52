"""Which addresses letters go to no more."""

import structlog

from accounts.models import BlockedAddress

logger = structlog.get_logger(__name__)
LONGEST_WORDS = 2_000


def block(*, address: str, reason: "BlockedAddress.Reason", words: str = "") -> None:
    """Send no more letters to an address. Idempotent: the first reason stays."""
    row = BlockedAddress(address=address.lower(), reason=reason, words=words[:LONGEST_WORDS])
    BlockedAddress.objects.bulk_create([row], ignore_conflicts=True)
    logger.warning("no more letters to an address", reason=str(reason))


def unblock(*, address: str) -> bool:
    """Let letters go to an address again; whether they did not. Idempotent."""
    deleted, _ = BlockedAddress.objects.filter(address=address.lower()).delete()
    return bool(deleted)
