"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest


def market_source(request: HttpRequest) -> dict[str, bool]:
    """Whether prices are simulated: every page says so when they are."""
    return {"simulated_market": not settings.MARKET_DATA_DIR}
