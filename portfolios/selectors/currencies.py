"""Cash: the currencies of the catalogue, and what they were worth."""

from portfolios.models import Asset
from portfolios.models.assets import DOLLAR


def dollar() -> Asset | None:
    """What everything is measured in; None before the catalogue is loaded."""
    return Asset.objects.filter(coingecko_id=DOLLAR).first()
