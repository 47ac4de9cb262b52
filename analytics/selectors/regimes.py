"""A RegimeDay as people read it: one sentence, its evidence, and what came before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.db import connection

from analytics.core.regime_signals import SIGNALS, Signal
from analytics.models import RegimeDay

POINT_DAYS = 7  # of the chart: fifteen years of days are more than a screen has pixels
Label = RegimeDay.Label
# The first day of each regime, and a day a week with Bitcoin's close.
HISTORY = """
    SELECT regime.date, regime.label, regime.days, price.close
    FROM analytics_regimeday AS regime
    LEFT JOIN portfolios_dailyprice AS price ON price.date = regime.date AND price.asset_id
        = (SELECT id FROM portfolios_asset WHERE coingecko_id = 'bitcoin')
    WHERE regime.date <= %(as_of)s
        AND (regime.days = 1 OR (%(as_of)s - regime.date) %% %(point_days)s = 0)
    ORDER BY regime.date
"""


@dataclass(frozen=True)
class Wording:
    """How a signal is named and written: as percent, signed percent, points or a plain number."""

    title: str
    what: str
    written: str
    unit: str = ""


WORDINGS = {
    "trend": Wording("Trend", "close against its 200-day mean", "signed", "%"),
    "drawdown": Wording("Drawdown", "close against its highest so far", "signed", "%"),
    "realised_volatility": Wording("Realised volatility", "of 30 days, a year", "percent", "%"),
    "true_range": Wording("ATR", "of 14 days, against its 100-day mean", "signed", "%"),
    "alt_share": Wording("Altcoins ahead", "share that beat Bitcoin over 90 days", "percent", "%"),
    "dominance_change": Wording("Dominance", "Bitcoin's, change over 30 days", "signed", "points"),
    "volume_trend": Wording("Volume", "30-day against 200-day mean", "signed", "%"),
    "funding": Wording("Funding", "of perpetual futures, 7-day mean, a year", "signed", "%"),
    "volatility_premium": Wording("DVOL − realised", "implied over realised", "signed", "points"),
    "term_structure": Wording("Term structure", "far less near implied", "signed", "points"),
    "liquidations": Wording("Liquidations", "7-day against 200-day mean", "signed", "%"),
    "active_addresses": Wording("Active addresses", "30-day against 200-day mean", "signed", "%"),
    "exchange_flow": Wording(
        "Exchange flow", "net inflow of 30 days, of all that moved", "signed", "%"
    ),
    "fear_greed": Wording("Fear and greed", "index, 0 to 100", "number"),
}
SPEAKS_FOR = {
    "bull": "a bull market",
    "bear": "a bear market",
    "altseason": "an altseason",
    "high volatility": "high volatility",
}
# What the state is called where it speaks for no regime.
OTHERWISE = {
    ("alt_share", -1): "Bitcoin season",
    ("dominance_change", 1): "against an altseason",
    ("volatility_premium", 1): "options are dear",
}
# The article's table of regimes and its answer about stablecoins, in its words.
OPINIONS = {
    Label.BULL: "Reduce stables, increase alt exposure.",
    Label.BEAR: "Increase BTC %, increase stables.",
    Label.HIGH_VOLATILITY: "Reduce overall exposure, widen rebalance bands.",
    Label.ALTSEASON: "Increase quality alt exposure.",
}


@dataclass(frozen=True)
class Evidence:
    """A row of the table: one signal on one day."""

    signal: Signal
    wording: Wording
    value: float | None
    percentile: float | None
    state: int | None
    counted: int | None
    as_of: date | None
    source: str | None

    @property
    def is_available(self) -> bool:
        return self.state is not None

    @property
    def thresholds(self) -> list[tuple[str, float, str, float]]:
        """Where its high and its low state are entered and left, each with its sign."""
        high, low = self.signal.thresholds.high, self.signal.thresholds.low
        signs = (("≥", high, "<"), ("≤", low, ">"))
        return [(enter, pair[0], leave, pair[1]) for enter, pair, leave in signs if pair]

    @property
    def size(self) -> float | None:
        return None if self.value is None else abs(self.value)

    @property
    def side(self) -> str:
        return "below" if (self.value or 0) < 0 else "above"

    @property
    def verdict(self) -> str:
        if not self.is_available:
            return "unavailable"
        if not self.state:
            return "neither"
        label = self.signal.high if self.state > 0 else self.signal.low
        if label:
            return f"for {SPEAKS_FOR[label]}"
        return OTHERWISE.get((self.signal.name, self.state), "neither")

    def speaks_for(self, label: str) -> bool:
        wanted = label.replace("_", " ")
        return bool(self.state) and wanted == (
            self.signal.high if (self.state or 0) > 0 else self.signal.low
        )


@dataclass(frozen=True)
class Episode:
    label: str  # in words
    since: date
    until: date
    is_current: bool

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


@dataclass(frozen=True)
class RegimeHistory:
    episodes: Sequence[Episode]  # the latest first
    chart: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Regime:
    day: RegimeDay
    evidence: Sequence[Evidence]

    @property
    def since(self) -> date:
        return self.day.date - timedelta(days=max(self.day.days, 1) - 1)

    @property
    def deciding(self) -> list[Evidence]:
        return [row for row in self.evidence if row.signal.decides]

    @property
    def others(self) -> list[Evidence]:
        return [row for row in self.evidence if not row.signal.decides]

    @property
    def used(self) -> list[str]:
        """What the label was made from."""
        return [row.wording.title for row in self.deciding if row.is_available]

    @property
    def missing(self) -> list[str]:
        return [row.wording.title for row in self.deciding if not row.is_available]

    @property
    def available_others(self) -> int:
        return sum(row.is_available for row in self.others)

    @property
    def agreeing(self) -> int:
        """How many of the signals that do not decide speak for the label all the same."""
        return sum(row.speaks_for(self.day.label) for row in self.others)

    @property
    def opinion(self) -> str:
        return OPINIONS.get(Label(self.day.label), "")

    def of(self, name: str) -> Evidence | None:
        return next((row for row in self.evidence if row.signal.name == name), None)

    @property
    def trend(self) -> Evidence | None:
        return self.of("trend")

    @property
    def drawdown(self) -> Evidence | None:
        return self.of("drawdown")

    @property
    def volatility(self) -> Evidence | None:
        return self.of("realised_volatility")

    @property
    def alts(self) -> Evidence | None:
        return self.of("alt_share")


def read(day: RegimeDay) -> Regime:
    """The regime of one day with its evidence; signals that the day does not know are left out."""
    return Regime(
        day=day,
        evidence=[
            _evidence(signal, day.signals[signal.name])
            for signal in SIGNALS
            if signal.name in day.signals
        ],
    )


def history(*, as_of: date) -> RegimeHistory:
    """All regimes up to a day, and Bitcoin's close of a day a week. One query."""
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, {"as_of": as_of, "point_days": POINT_DAYS})
        rows = cursor.fetchall()
    first_rows = [next(regime) for _, regime in groupby(rows, key=lambda row: row[1])]
    starts = [(day - timedelta(days=max(days, 1) - 1), label) for day, label, days, _ in first_rows]
    ends = [day - timedelta(days=1) for day, _ in starts[1:]] + [as_of]
    return RegimeHistory(
        episodes=[
            Episode(Label(label).label, since, until, is_current=until == as_of)
            for (since, label), until in zip(starts, ends, strict=False)
        ][::-1],
        chart=[
            {"day": day.isoformat(), "value": close, "label": label}
            for day, label, _, close in rows
            if close is not None and (as_of - day).days % POINT_DAYS == 0
        ],
    )


def _evidence(signal: Signal, told: Mapping[str, Any]) -> Evidence:
    as_of = told.get("as_of")
    return Evidence(
        signal=signal,
        wording=WORDINGS[signal.name],
        value=told["value"],
        percentile=told["percentile"],
        state=told["state"],
        counted=told.get("counted"),
        as_of=date.fromisoformat(as_of) if as_of else None,
        source=told.get("source"),
    )


def stormy_days(*, end: date, days: int) -> frozenset[date]:
    """Which of the `days` days up to `end` had high volatility, each as its own night told."""
    within = (end - timedelta(days=days - 1), end)
    rows = RegimeDay.objects.filter(date__range=within, high_volatility=True)
    return frozenset(rows.values_list("date", flat=True))
