"""The letters analytics writes. The outbox (accounts) sends them."""

from django.conf import settings

from accounts import emails
from accounts.emails import Rendered
from accounts.models import OutgoingEmail
from accounts.services import unsubscribe
from analytics.models import AlertEvent, RegimeDay
from analytics.selectors import portfolio_pages


def drift_alert(outgoing: OutgoingEmail) -> Rendered | None:
    """Which positions left their bands, what to do about it, and what that costs.

    Written from what the night saw, whatever has been edited since. None when the portfolio
    is put away or gone, or its owner has switched alerts off meanwhile.
    """
    alert = (
        AlertEvent.objects.select_related("portfolio__owner", "run")
        .filter(pk=outgoing.reference or 0, portfolio__owner__drift_alerts=True)
        .filter(portfolio__archived_at=None, portfolio__deleted_at=None)
        .first()
    )
    if alert is None:
        return None
    portfolio, run = alert.portfolio, alert.run
    context = {
        "portfolio": portfolio,
        "reading": portfolio_pages.read(portfolio, run=run, revision=alert.revision),
        "high_volatility": RegimeDay.objects.get(date=run.as_of).high_volatility,
        "simulated_market": not settings.MARKET_DATA_DIR,
        "url": settings.SITE_URL + portfolio.get_absolute_url(),
        "unsubscribe_url": unsubscribe.url(portfolio.owner),
    }
    return emails.render(
        "emails/drift_alert",
        subject=f"{portfolio.name} has drifted out of its bands",
        context=context,
        headers=unsubscribe.headers(portfolio.owner),
    )
