"""The letters analytics writes. The outbox (accounts) sends them."""

from typing import Any

from django.conf import settings

from accounts import emails
from accounts.emails import Rendered
from accounts.models import OutgoingEmail
from accounts.services import unsubscribe
from analytics.models import AlertEvent, PortfolioResult, RegimeDay, Suggestion
from portfolios.models import Asset


def drift_alert(outgoing: OutgoingEmail) -> Rendered | None:
    """Which positions left their bands, what to do about it, and what that costs.

    Written from what the night saw, whatever has been edited since. None when the portfolio
    is gone, or its owner has switched alerts off meanwhile.
    """
    alert = (
        AlertEvent.objects.select_related("portfolio__owner", "run")
        .filter(pk=outgoing.reference or 0, portfolio__owner__drift_alerts=True)
        .first()
    )
    if alert is None:
        return None
    seen = {"run": alert.run, "portfolio": alert.portfolio, "revision": alert.revision}
    result = PortfolioResult.objects.get(**seen)
    suggestion = Suggestion.objects.get(**seen)
    assets = Asset.objects.in_bulk([*result.asset_ids, *suggestion.asset_ids])
    context = {
        "portfolio": alert.portfolio,
        "url": settings.SITE_URL + alert.portfolio.get_absolute_url(),
        "unsubscribe_url": unsubscribe.url(alert.portfolio.owner),
        "simulated_market": not settings.MARKET_DATA_DIR,
        "as_of": alert.run.as_of,
        "result": result,
        "high_volatility": RegimeDay.objects.get(date=alert.run.as_of).high_volatility,
        "breaches": breaches(result, assets),
        "suggestion": suggestion,
        "trades": trades(suggestion, assets),
    }
    return emails.render(
        "emails/drift_alert",
        subject=f"{alert.portfolio.name} has drifted out of its bands",
        context=context,
        headers=unsubscribe.headers(alert.portfolio.owner),
    )


def breaches(result: PortfolioResult, assets: dict[int, Asset]) -> list[dict[str, Any]]:
    """The positions outside their bands, the furthest first."""
    rows = zip(result.asset_ids, result.weights, result.target_weights, strict=True)
    outside = [
        {
            "asset": assets[pk],
            "weight": weight,
            "target": target,
            "drift": weight - target,
            "low": max(target - result.band, 0.0),
            "high": min(target + result.band, 1.0),
        }
        for pk, weight, target in rows
        if abs(weight - target) > result.band
    ]
    return sorted(outside, key=lambda row: -abs(row["drift"]))


def trades(suggestion: Suggestion, assets: dict[int, Asset]) -> list[dict[str, Any]]:
    """Sales first: they pay for the purchases."""
    rows = zip(suggestion.asset_ids, suggestion.amounts, suggestion.quantities, strict=True)
    return [
        {
            "action": "Sell" if amount < 0 else "Buy",
            "asset": assets[pk],
            "amount": abs(amount),
            "quantity": abs(quantity),
        }
        for pk, amount, quantity in sorted(rows, key=lambda row: row[1])
    ]
