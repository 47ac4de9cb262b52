"""What analytics has to say: the words of notifications, and the middle of letters about them.

Written from what the night saw. `accounts` keeps the words, and sends the letters.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite

from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Notification
from accounts.services.letters import Detail
from accounts.services.notifications import Words
from analytics.models import AlertEvent, PortfolioResult, RegimeDay
from analytics.selectors import alerts, months, portfolio_pages
from analytics.selectors.alerts import Alert
from analytics.selectors.months import Month
from portfolios.templatetags import figures


def alert_words(items: Sequence[Notification]) -> Mapping[int, Words]:
    """Say in a line and in a paragraph what happened to a portfolio."""
    found = alerts.find(item.reference or 0 for item in items)
    return {item.pk: _words(found[item.reference]) for item in items if item.reference in found}


def alert_details(items: Sequence[Notification]) -> Mapping[int, Callable[[], Detail | None]]:
    """Of portfolios that are in use: what left its band, what to do about it, what that costs."""
    found = alerts.in_use(item.reference or 0 for item in items)
    return {
        item.pk: partial(_detail, found[item.reference])
        for item in items
        if item.reference in found
    }


def summary_words(items: Sequence[Notification]) -> Mapping[int, Words]:
    """What somebody's portfolios are worth at the end of a month, their risk, and the regime."""
    found = {item.pk: months.read(item.user, run_id=item.reference or 0) for item in items}
    return {key: _summary(month) for key, month in found.items() if month}


def _summary(month: Month) -> Words:
    with figures.written_in(month.user.number_style):
        lines = [_month_of(result) for result in month.results]
        total = figures.money(month.value)
    more = month.left_out
    if more:
        lines.append(f"And {more} smaller {'one' if more == 1 else 'ones'}.")
    regime = month.regime
    if regime and regime.label != RegimeDay.Label.UNKNOWN:
        lines.append(f"The market: {regime.get_label_display()}, for {figures.days(regime.days)}.")
    elif regime:
        lines.append("The market: too little is known to name its regime.")
    lines.append(f"Calculated from the closing prices of {month.as_of:%-d %B %Y} (UTC).")
    return Words(
        subject=f"{month.as_of:%B}: your portfolios are worth {total} USD",
        body="\n\n".join(lines),
        link=reverse("analytics:portfolio-list"),
    )


def _month_of(result: PortfolioResult) -> str:
    words = [f"{result.portfolio.name}: {figures.money(result.value)} USD"]
    if result.value_30d and isfinite(result.value_30d):
        change = figures.signed_percent(result.value / result.value_30d - 1)
        words.append(f"{change} % in 30 days on what it holds now")
    if result.risk_coverage > 0:
        words.append(f"volatility {figures.percent(result.volatility)} % a year")
    return f"{', '.join(words)}; {result.get_status_display().lower()}."


def _words(alert: Alert) -> Words:
    with figures.written_in(alert.event.portfolio.owner.number_style):
        if alert.event.kind == AlertEvent.Kind.CLOSED:
            subject, body = _closed(alert)
        elif alert.event.kind == AlertEvent.Kind.DUE:
            subject, body = _due(alert)
        else:
            subject, body = _departed(alert)
    closing = f"{alert.event.run.as_of:%-d %B %Y}"
    return Words(
        subject=subject,
        body=f"{body} Calculated from the closing prices of {closing} (UTC).",
        link=alert.event.portfolio.get_absolute_url(),
    )


def _departed(alert: Alert) -> tuple[str, str]:
    worst = alert.judged[0]
    weight, target = figures.short_percent(worst.weight), figures.short_percent(worst.target_weight)
    off = figures.percent(abs(worst.drift))
    others = alert.outside - 1
    more = "" if others < 1 else f" {others} more {'is' if others == 1 else 'are'} outside, too."
    subject = f"{alert.name} is {off} pp off: {worst.name} {weight} % of a {target} % target"
    body = (
        f"{worst.name} is at {weight} % against a target of {target} %; its band reaches from "
        f"{figures.short_percent(worst.low)} to {figures.short_percent(worst.high)} %.{more} "
        f"The portfolio is worth {figures.money(alert.result.value)} USD. {_verdict(alert)}"
    )
    return subject, body


def _due(alert: Alert) -> tuple[str, str]:
    worst = alert.judged[0]
    subject = f"{alert.name} is due to be rebalanced, and that pays"
    body = (
        f"Furthest from its target is {worst.name}, at {figures.short_percent(worst.weight)} % of "
        f"a {figures.short_percent(worst.target_weight)} % target. The portfolio is worth "
        f"{figures.money(alert.result.value)} USD. {_verdict(alert)}"
    )
    return subject, body


def _verdict(alert: Alert) -> str:
    verdict = alert.verdict
    if verdict is None:
        return ""
    cost = f"The trades that lead back cost {figures.money(verdict.cost)} USD"
    if not verdict.is_measured:
        return f"{cost}; what they bring cannot be measured yet."
    return f"{cost} and pay for themselves in {figures.days(verdict.break_even_days)}."


def _closed(alert: Alert) -> tuple[str, str]:
    off = max((abs(each.drift) for each in alert.judged), default=0.0)
    body = (
        f"Nothing is further from its target than {figures.percent(off)} pp, and nothing is left "
        f"to do. The portfolio is worth {figures.money(alert.result.value)} USD."
    )
    return f"{alert.name} is back in balance", body


def _detail(event: AlertEvent) -> Detail | None:
    if event.kind == AlertEvent.Kind.CLOSED:
        return None
    portfolio, run = event.portfolio, event.run
    context = {
        "portfolio": portfolio,
        "due_on": event.due_on,
        "reading": portfolio_pages.read(portfolio, run=run, revision=event.revision),
        "high_volatility": RegimeDay.objects.get(date=run.as_of).high_volatility,
    }
    with figures.written_in(portfolio.owner.number_style):
        return Detail(
            html=render_to_string("emails/_drift.html", context),
            text=render_to_string("emails/_drift.txt", context).strip(),
        )
