"""What a portfolio earned: its ledger at the closes of each day.

A day's value is what the ledger adds up to at its end, at the newest closes by then. What came in
or left counts at the day's end, too, so paying in changes no return.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from django.core.cache import cache
from django.db import connection
from numpy.typing import NDArray

from analytics.core import drawdowns, rates_of_return, sharpe_ratios
from analytics.core.errors import CoreError
from portfolios.models import Asset, Portfolio
from portfolios.selectors import flows
from portfolios.selectors.flows import Movements

Floats = NDArray[np.float64]

PERIODS = {"1m": ("1 month", 30), "3m": ("3 months", 91), "1y": ("1 year", 365), "all": ("All", 0)}
RISK_DAYS = 60  # fewer say nothing about risk
FULL_YEAR = 365
CHART_POINTS = 400
CACHED_SECONDS = 24 * 60 * 60
BITCOIN = "bitcoin"
OWN = "This portfolio"
# Closes older than this before the first day do not matter: such a price would be stale.
BEFORE_FIRST = 30

PRICES = """
    SELECT asset_id, date, close FROM portfolios_dailyprice
    WHERE asset_id = ANY(%(assets)s) AND date BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT asset_id, date, price FROM portfolios_ownprice
    WHERE asset_id = ANY(%(assets)s) AND date <= %(end)s
    UNION ALL
    SELECT asset_id, date, rate::float8 FROM portfolios_referencerate
    WHERE asset_id = ANY(%(assets)s) AND date <= %(end)s
    ORDER BY 2
"""


@dataclass(frozen=True)
class Sharpe:
    ratio: float
    standard_error: float


@dataclass(frozen=True)
class Period:
    """What happened from the close of one day to that of another; None: nobody can say."""

    key: str
    name: str
    days: Sequence[date]
    values: Floats  # (n,) US dollars
    start_value: float  # US dollars; zero where the period begins with the portfolio itself
    contributed: Floats  # (n,) US dollars, the value at the start and all that was put in since
    growth: dict[str, Floats]  # by name: this portfolio first, then what it is compared with
    unclear_days: int  # whose values do not follow from what was put in or taken out
    money_weighted: float | None
    volatility: float | None
    volatility_error: float | None
    sharpe: Sharpe | None

    @property
    def start(self) -> date:
        return self.days[0]

    @property
    def length(self) -> int:
        """In days."""
        return len(self.days) - 1

    @property
    def contributions(self) -> float:
        return float(self.contributed[-1] - self.start_value)

    @property
    def gain(self) -> float:
        return float(self.values[-1] - self.contributed[-1])

    @property
    def time_weighted(self) -> float:
        return float(self.growth[OWN][-1] - 1)

    @property
    def annual(self) -> float | None:
        """The time-weighted return a year, from a full year on."""
        if self.length < FULL_YEAR or self.time_weighted <= -1:
            return None
        return float((1 + self.time_weighted) ** (FULL_YEAR / self.length) - 1)

    @property
    def drawdown(self) -> Floats:
        """(n,) of the growth of the portfolio, from its highest so far."""
        own = self.growth[OWN]
        return drawdowns.series(own[None])[0] if (own > 0).all() else np.full(len(own), np.nan)

    @property
    def max_drawdown(self) -> float:
        return float(self.drawdown.min())

    @property
    def others(self) -> dict[str, float]:
        """What the same time made of other portfolios, in total."""
        return {name: float(grown[-1] - 1) for name, grown in self.growth.items() if name != OWN}

    @property
    def shown(self) -> list[int]:
        """The days that a chart draws: not more than can be seen, the last one always."""
        step = max(1, len(self.days) // CHART_POINTS)
        return sorted({*range(0, len(self.days), step), len(self.days) - 1})

    def chart(self, unit: str, **series: Floats) -> dict[str, object]:
        """What charts.js draws as lines."""
        return {
            "days": [self.days[n].isoformat() for n in self.shown],
            "unit": unit,
            "series": [
                {"name": name.replace("_", " "), "values": [float(line[n]) for n in self.shown]}
                for name, line in series.items()
            ],
        }

    @property
    def value_chart(self) -> dict[str, object]:
        return self.chart("money", Value=self.values, Put_in=self.contributed)

    @property
    def growth_chart(self) -> dict[str, object]:
        return self.chart("percent", **{name: grown - 1 for name, grown in self.growth.items()})

    @property
    def drawdown_chart(self) -> dict[str, object]:
        return self.chart("percent", Drawdown=self.drawdown)

    @property
    def month_ends(self) -> list[tuple[date, float, float, float, float]]:
        """(day, value, put in, growth, drawdown) of each month's last day, the latest first."""
        drawdown = self.drawdown
        last = {(day.year, day.month): n for n, day in enumerate(self.days)}
        return [
            (
                self.days[n],
                float(self.values[n]),
                float(self.contributed[n]),
                float(self.growth[OWN][n] - 1),
                float(drawdown[n]),
            )
            for n in reversed(last.values())
        ]


@dataclass(frozen=True)
class Performance:
    """A portfolio from the first day on which all that it held had a price."""

    periods: Sequence[Period]  # the last one is all of it
    unpriced: Sequence[Asset]  # left out: nobody has any price of these
    first_entry: date

    @property
    def begins(self) -> date:
        return self.periods[-1].days[0]

    @property
    def is_late(self) -> bool:
        """Whether it began before it could be valued."""
        return self.first_entry < self.begins

    @property
    def others(self) -> list[tuple[str, list[float | None]]]:
        """What each period made of other portfolios, by name."""
        names = dict.fromkeys(name for period in self.periods for name in period.others)
        return [(name, [each.others.get(name) for each in self.periods]) for name in names]

    def period(self, key: str) -> Period:
        """The one that was asked for, and all of it else."""
        return next((each for each in self.periods if each.key == key), self.periods[-1])


@dataclass(frozen=True)
class _Series:
    """Arrays over n days and k assets."""

    days: Sequence[date]
    assets: Sequence[Asset]
    held: Floats  # (n, k)
    prices: Floats  # (n, k) newest closes; NaN before the first
    flows: Floats  # (n,) US dollars put in
    bitcoin: Floats  # (n,)

    def since(self, start: int) -> "_Series":
        return _Series(
            days=self.days[start:],
            assets=self.assets,
            held=self.held[start:],
            prices=self.prices[start:],
            flows=self.flows[start:],
            bitcoin=self.bitcoin[start:],
        )

    @property
    def values(self) -> Floats:
        worth: Floats = np.where(self.held > 0, self.held * self.prices, 0.0).sum(axis=1)
        return worth


def read(portfolio: Portfolio, *, as_of: date) -> Performance | None:
    """All periods at once; None while fewer than two days can be valued.

    Kept in the cache for each revision of the portfolio and each close.
    """
    key = f"performance:{portfolio.pk}:{portfolio.revision}:{as_of}"
    found: tuple[Performance | None] | None = cache.get(key)
    if found is None:
        found = (_measure(flows.read(portfolio), as_of=as_of),)
        cache.set(key, found, CACHED_SECONDS)
    return found[0]


def _measure(moved: Movements, *, as_of: date) -> Performance | None:
    first = min((day for day, _ in moved.changes), default=as_of)
    if first >= as_of:
        return None
    every, unpriced = _series(moved, first, as_of)
    unknown = ((every.held > 0) & np.isnan(every.prices)).any(axis=1)
    series = every.since(int(np.flatnonzero(unknown).max(initial=-1)) + 1)
    if not series.days or not series.values.any():
        return None
    series = series.since(int(np.argmax(series.values > 0)))
    begun = series.days[0] == first and series.flows[0] > 0
    last = len(series.days) - 1
    periods = [
        _period(key, name, series.since(last - days if days else 0), begun=not days and begun)
        for key, (name, days) in PERIODS.items()
        if last and days < last
    ]
    return Performance(periods, unpriced, first) if periods else None


def _series(moved: Movements, first: date, as_of: date) -> tuple[_Series, list[Asset]]:
    days = [first + timedelta(days=n) for n in range((as_of - first).days + 1)]
    bitcoin = Asset.objects.filter(coingecko_id=BITCOIN).values_list("pk", flat=True).first()
    prices = _prices([*moved.assets, *([bitcoin] if bitcoin else [])], days)
    priced = {pk: asset for pk, asset in moved.assets.items() if not np.isnan(prices[pk]).all()}
    place = {pk: column for column, pk in enumerate(priced)}
    changes = np.zeros((len(days), len(place)))
    money = np.zeros(len(days))
    for (day, pk), quantity in moved.changes.items():
        if pk in place and day <= as_of:
            changes[(day - first).days, place[pk]] += float(quantity)
    for (day, pk), quantity in moved.in_kind.items():
        if pk in place and day <= as_of:
            row = (day - first).days
            money[row] += float(quantity) * np.nan_to_num(prices[pk][row])
    for day, dollars in moved.money.items():
        if first <= day <= as_of:
            money[(day - first).days] += float(dollars)
    held = np.cumsum(changes, axis=0)
    held[np.abs(held) < 1e-12 * np.abs(changes).sum(axis=0)] = 0.0  # what sums leave of nothing
    series = _Series(
        days=days,
        assets=list(priced.values()),
        held=held,
        prices=np.array([prices[pk] for pk in priced]).reshape(len(priced), len(days)).T,
        flows=money,
        bitcoin=prices[bitcoin] if bitcoin else np.full(len(days), np.nan),
    )
    return series, [asset for pk, asset in moved.assets.items() if pk not in priced]


def _prices(asset_ids: Sequence[int], days: Sequence[date]) -> dict[int, Floats]:
    """The newest close of each asset at the end of each day, (n,); NaN before the first."""
    found = {pk: np.full(len(days), np.nan) for pk in asset_ids}
    dollars = Asset.objects.filter(pk__in=asset_ids, coingecko_id="usd")
    for pk in dollars.values_list("pk", flat=True):
        found[pk][:] = 1.0
    first, end = days[0], days[-1]
    start = first - timedelta(days=BEFORE_FIRST)
    with connection.cursor() as cursor:
        cursor.execute(PRICES, {"assets": list(asset_ids), "start": start, "end": end})
        for pk, day, close in cursor.fetchall():
            found[pk][max((day - first).days, 0)] = close
    position = np.arange(len(days))
    for row in found.values():
        newest = np.maximum.accumulate(np.where(np.isnan(row), 0, position))
        row[:] = row[newest]
    return found


def _growth(series: _Series, returns: Floats) -> dict[str, Floats]:
    """What one unit of money at the first close became, in this portfolio and elsewhere."""
    grown = {OWN: np.concatenate([[1.0], np.cumprod(1 + returns)])}
    for name, other in (
        ("Bitcoin", series.bitcoin / series.bitcoin[0]),
        ("Equal weight", _equal_weight(series)),
        ("Held still", _held_still(series)),
    ):
        if other is not None and not np.isnan(other).any():
            grown[name] = other
    return grown


def _returns(series: _Series) -> tuple[Floats, int]:
    """The returns of each day, and on how many days they do not follow; those count as zero."""
    values, put_in = series.values, series.flows[1:]
    try:
        return rates_of_return.time_weighted(values[None], put_in[None]).returns[0], 0
    except CoreError:  # more was taken out on a day than there was, at the prices of its close
        pass
    returns, unclear = np.zeros(len(put_in)), 0
    for day in range(len(returns)):
        try:
            one = rates_of_return.time_weighted([values[day : day + 2]], [[put_in[day]]])
            returns[day] = one.returns[0, 0]
        except CoreError:
            unclear += 1
    return returns, unclear


def _equal_weight(series: _Series) -> Floats | None:
    """The same money in each asset that was held at the start, and left alone."""
    held = series.held[0] > 0
    if not held.any():
        return None
    grown: Floats = (series.prices[:, held] / series.prices[0, held]).mean(axis=1)
    return grown


def _held_still(series: _Series) -> Floats | None:
    """What was held at the start, and left alone."""
    worth = np.where(series.held[0] > 0, series.held[0] * series.prices, 0.0).sum(axis=1)
    return worth / worth[0] if worth[0] > 0 else None


def _period(key: str, name: str, series: _Series, *, begun: bool) -> Period:
    """`begun`: the portfolio itself began on the first day, so all of it was put in."""
    returns, unclear = _returns(series)
    volatility, error, sharpe = _risk(returns)
    put_in = series.flows.copy()
    if not begun:
        put_in[0] = series.values[0]
    growth = _growth(series, returns)
    growth[OWN] *= series.values[0] / put_in[0]  # what the first day's prices and fees did
    return Period(
        key=key,
        name=name,
        days=series.days,
        values=series.values,
        start_value=0.0 if begun else float(series.values[0]),
        contributed=np.cumsum(put_in),
        growth=growth,
        unclear_days=unclear,
        money_weighted=_money_weighted(series, put_in),
        volatility=volatility,
        volatility_error=error,
        sharpe=sharpe,
    )


def _money_weighted(series: _Series, put_in: Floats) -> float | None:
    """Over the whole period, what was there at its start included; not by the year."""
    days = np.array(series.days, dtype="datetime64[D]")
    try:
        found = rates_of_return.money_weighted(put_in[None], series.values[None, -1], days)
    except CoreError:
        return None
    return float(found.total[0])


def _risk(returns: Floats) -> tuple[float | None, float | None, Sharpe | None]:
    """Annual volatility with its error, and the Sharpe ratio with Lo's."""
    if len(returns) < RISK_DAYS:
        return None, None, None
    volatility = float(returns.std(ddof=1) * np.sqrt(FULL_YEAR))
    try:
        found = sharpe_ratios.estimate(returns[None])
    except CoreError:
        return volatility, None, None
    # The variance's own sampling error, fat tails included: Var(s²) ≈ σ⁴ (κ - 1) / n.
    error = volatility / 2 * np.sqrt(max(float(found.kurtosis[0]) - 1, 0) / len(returns))
    return volatility, float(error), Sharpe(float(found.annual[0]), float(found.standard_error[0]))
