"""The letters analytics writes. The outbox (accounts) sends them."""

from django.conf import settings

from accounts import emails
from accounts.emails import Rendered
from accounts.models import AlertPreference, OutgoingEmail
from accounts.services import unsubscribe
from analytics.models import AlertEvent, NightlyRun, RegimeDay
from analytics.selectors import digests, portfolio_pages
from portfolios.templatetags import figures


def drift_alert(outgoing: OutgoingEmail) -> Rendered | None:
    """Which positions left their bands, what to do about it, and what that costs.

    Written from what the night saw, whatever has been edited since. None when the portfolio
    is put away or gone, or its owner has switched alerts off meanwhile.
    """
    alert = (
        AlertEvent.objects.select_related("portfolio__owner", "run")
        .filter(pk=outgoing.reference or 0)
        .exclude(portfolio__owner__alert_preference=AlertPreference.NONE)
        .filter(portfolio__archived_at=None, portfolio__deleted_at=None)
        .first()
    )
    if alert is None:
        return None
    portfolio, run = alert.portfolio, alert.run
    is_due = alert.kind == AlertEvent.Kind.DUE
    context = {
        "portfolio": portfolio,
        "due_on": alert.due_on,
        "reading": portfolio_pages.read(portfolio, run=run, revision=alert.revision),
        "high_volatility": RegimeDay.objects.get(date=run.as_of).high_volatility,
        "simulated_market": not settings.MARKET_DATA_DIR,
        "url": settings.SITE_URL + portfolio.get_absolute_url(),
        "unsubscribe_url": unsubscribe.url(portfolio.owner),
    }
    with figures.written_in(portfolio.owner.number_style):
        return emails.render(
            "emails/drift_alert",
            subject=f"{portfolio.name} is due to be rebalanced"
            if is_due
            else f"{portfolio.name} has drifted out of its bands",
            context=context,
            headers=unsubscribe.headers(portfolio.owner),
        )


def digest(outgoing: OutgoingEmail) -> Rendered | None:
    """Which portfolios left their bands in a day or a week, in one letter.

    None when all of them are put away or gone, or their owner wants no more letters.
    """
    user = outgoing.user
    run = NightlyRun.objects.filter(pk=outgoing.reference or 0).first()
    if user is None or run is None or user.alert_preference == AlertPreference.NONE:
        return None
    preference = outgoing.kind.removesuffix("_digest")
    days = digests.days(preference, as_of=run.as_of, since=run.letters_since)
    departures = digests.departures(user, within=days)
    if not departures:
        return None
    count = len(departures)
    subject = "One portfolio has" if count == 1 else f"{count} portfolios have"
    context = {
        "days": days,
        "departures": departures,
        "simulated_market": not settings.MARKET_DATA_DIR,
        "unsubscribe_url": unsubscribe.url(user),
    }
    with figures.written_in(user.number_style):
        return emails.render(
            "emails/drift_digest",
            subject=f"{subject} drifted out of balance",
            context=context,
            headers=unsubscribe.headers(user),
        )
