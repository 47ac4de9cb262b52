from accounts.models import BlockedAddress


def blocked(address: str) -> BlockedAddress | None:
    """Why no letter goes to this address; None when letters do."""
    return BlockedAddress.objects.filter(address=address.lower()).first()
