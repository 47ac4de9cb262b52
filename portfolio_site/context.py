"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.selectors import notifications


def market_source(request: HttpRequest) -> dict[str, bool]:
    """Whether prices are simulated: every page says so when they are."""
    return {"simulated_market": not settings.MARKET_DATA_DIR}


def unread_notifications(request: HttpRequest) -> dict[str, SimpleLazyObject]:
    """How many there are, for the menu. Asked when it is drawn: fragments have no menu."""

    def count() -> int:
        reader = request.user
        return notifications.unread(reader) if reader.is_authenticated else 0

    return {"unread": SimpleLazyObject(count)}
