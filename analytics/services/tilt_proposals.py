"""The article's four adjustments to a market's regime, as a temporary target to look at first.

The article says which way ("increase BTC %, increase stables") and not how far. A tilt moves up to
STEP of the portfolio, never more than half of any target, and ends inside the ranges of all
categories that the targets name. Whole numbers all the way, so that it sums to one exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from analytics.core import bounded_weights, feasibility
from analytics.core.errors import InfeasibleBoundsError
from analytics.models import RegimeDay
from analytics.selectors.regimes import OPINIONS
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.selectors import portfolios
from portfolios.services import tilts
from portfolios.services.errors import ConflictError
from portfolios.services.targets import Aim

Label = RegimeDay.Label

STEP = Decimal("0.05")
DAYS = (7, 14, 30, 60, 90)  # that a tilt may last
STABLECOINS, BITCOIN = "stablecoins", "bitcoin"
STORE_OF_VALUE = "store-of-value"
COARSE, FINE = Decimal("0.0001"), Decimal("0.000000001")  # hundredths of a percent, where that does

Parts = list[int]
"""Of the whole, in the unit of the proposal."""


class NoTilt(Exception):
    """Nothing can be proposed; the message says why."""


@dataclass(frozen=True)
class Line:
    """One target, as it is and as it would be for a while; fractions."""

    aim: Aim
    strategic: Decimal
    tilted: Decimal

    @property
    def change(self) -> Decimal:
        return self.tilted - self.strategic

    @property
    def category(self) -> AssetCategory:
        return _category(self.aim)


@dataclass(frozen=True)
class Proposal:
    regime: str  # in words
    opinion: str  # the article's
    lines: Sequence[Line]  # as the targets come
    outside: Sequence[AssetCategory]  # whose strategic target is outside their range

    @property
    def weights(self) -> dict[Aim, Decimal]:
        return {line.aim: line.tilted for line in self.lines}

    @property
    def moved(self) -> Decimal:
        return sum((max(line.change, Decimal(0)) for line in self.lines), Decimal(0))

    @property
    def seen(self) -> str:
        """What a person agrees to: another one whenever a weight is another."""
        return " ".join(f"{line.tilted.normalize():f}" for line in self.lines)


def is_stable(aim: Aim) -> bool:
    """Stablecoins and currencies."""
    if isinstance(aim, Asset):
        return aim.is_money
    return aim.slug in (STABLECOINS, "cash")


def is_bitcoin(aim: Aim) -> bool:
    return (aim.coingecko_id if isinstance(aim, Asset) else aim.slug) in (BITCOIN, STORE_OF_VALUE)


def is_alt(aim: Aim) -> bool:
    """Neither of the core nor stable; a category as a whole counts as what most of it is."""
    is_core = isinstance(aim, Asset) and aim.tier == Asset.Tier.CORE
    return not (is_core or is_stable(aim) or is_bitcoin(aim))


def is_quality_alt(aim: Aim) -> bool:
    """Of the largest by market capitalisation."""
    return is_alt(aim) and isinstance(aim, Asset) and aim.tier == Asset.Tier.LARGE


Which = Callable[[Aim], bool]
# From where to where: the article's words are in OPINIONS.
MOVES: Mapping[str, tuple[Which, Which, str, str]] = {
    Label.BULL: (is_stable, is_alt, "stablecoins or cash", "altcoins"),
    Label.BEAR: (
        lambda aim: not (is_bitcoin(aim) or is_stable(aim)),
        lambda aim: is_bitcoin(aim) or is_stable(aim),
        "other coins than Bitcoin",
        "Bitcoin, stablecoins or cash",
    ),
    Label.HIGH_VOLATILITY: (
        lambda aim: not is_stable(aim), is_stable, "coins", "stablecoins or cash",
    ),
    Label.ALTSEASON: (
        lambda aim: is_bitcoin(aim) or is_stable(aim), is_quality_alt,
        "Bitcoin, stablecoins or cash", "altcoins among the 30 largest",
    ),
}  # fmt: skip


def for_portfolio(portfolio: Portfolio, *, as_of: date) -> Proposal:
    """The tilt of its own targets for the regime of a day. Raises NoTilt."""
    day = RegimeDay.objects.filter(date=as_of).first()
    targets: dict[Aim, Decimal] = {row.aim: row.weight for row in portfolios.targets(portfolio)}
    return propose(day.label if day else "", targets)


def apply(
    *,
    portfolio: Portfolio,
    proposal: Proposal,
    seen: str | None,
    as_of: date,
    days: int,
    expected_revision: int | None,
) -> None:
    """Put a proposal in force for so many days; `seen` is the one that was agreed to, if told.

    Raises ConflictError when that was another one, and as `tilts.apply` does.
    """
    if seen is not None and seen != proposal.seen:
        raise ConflictError("The market or the targets have changed since. Look at it again.")
    tilts.apply(
        portfolio=portfolio,
        weights=proposal.weights,
        regime=proposal.regime,
        ends_on=as_of + timedelta(days=days),
        expected_revision=expected_revision,
    )


def in_force(portfolio: Portfolio) -> list[Line]:
    """The targets of a portfolio with a tilt, as they are for good and for now."""
    strategic = {row.aim: row.weight for row in portfolios.targets(portfolio)}
    now = {row.aim: row.weight for row in portfolios.targets_in_force(portfolio)}
    nothing = Decimal(0)
    return [
        Line(aim, strategic.get(aim, nothing), now.get(aim, nothing))
        for aim in dict.fromkeys([*strategic, *now])
    ]


def propose(label: str, targets: Mapping[Aim, Decimal]) -> Proposal:
    """The tilt for a regime. Raises NoTilt."""
    if label not in MOVES:
        raise NoTilt("The article has no adjustment for this market. The targets stay as they are.")
    if not targets:
        raise NoTilt("There are no targets to tilt. Set targets first.")
    aims = list(targets)
    coarse = all(weight == round(weight, 4) for weight in targets.values())
    unit = COARSE if coarse else FINE
    table = _Table(aims, [int(targets[aim] / unit) for aim in aims], whole=int(1 / unit))
    outside = table.outside()
    table.bring_inside()
    sources, sinks, from_what, to_what = MOVES[label]
    table.move(
        [sources(aim) for aim in aims],
        [sinks(aim) for aim in aims],
        most=int(STEP / unit),
        words=(from_what, to_what),
    )
    lines = [
        Line(aim, targets[aim], part * unit) for aim, part in zip(aims, table.parts, strict=True)
    ]
    # Targets far outside the ranges are moved more by those than by the adjustment.
    if sum(line.change for line in lines if sinks(line.aim)) <= 0:
        named = " and ".join(each.name for each in outside)
        raise NoTilt(
            f"Your targets for {named} are outside the range: inside it, {to_what} would not grow."
        )
    return Proposal(
        regime=Label(label).label,
        opinion=OPINIONS[Label(label)],
        lines=lines,
        outside=outside,
    )


class _Table:
    """Targets as whole parts, with the range of each category that is among them."""

    def __init__(self, aims: Sequence[Aim], parts: Parts, *, whole: int) -> None:
        self.parts = parts
        self.whole = whole
        self.categories = list(dict.fromkeys(map(_category, aims)))
        self.column = [self.categories.index(_category(aim)) for aim in aims]
        self.low = [int((each.recommended_min or 0) * whole) for each in self.categories]
        self.high = [
            whole if each.recommended_max is None else int(each.recommended_max * whole)
            for each in self.categories
        ]

    def totals(self) -> Parts:
        return [sum(self._of(self.parts, place)) for place in range(len(self.categories))]

    def outside(self) -> list[AssetCategory]:
        held = zip(self.categories, self.low, self.totals(), self.high, strict=True)
        return [each for each, low, total, high in held if not low <= total <= high]

    def bring_inside(self) -> None:
        """Every category into its range, as near to the proportions as may be. Raises NoTilt."""
        if not self.outside():
            return
        if sum(self.high) < self.whole:
            most = 100 * sum(self.high) / self.whole
            raise NoTilt(
                f"The ranges of the categories in your targets leave room for {most:.0f} % of the "
                "portfolio only. Targets in more categories make a tilt possible."
            )
        if sum(self.low) > self.whole:
            raise NoTilt("The ranges of the categories in your targets ask for more than 100 %.")
        low, high, weights = (
            np.array([of]) / self.whole for of in (self.low, self.high, self.parts)
        )
        least = np.full_like(weights, 1 / self.whole)  # nothing is tilted away
        within = feasibility.bounds(least, np.ones_like(weights), self.column, low, high)
        try:
            inside = bounded_weights.nearest(weights[0], within)
            self.parts = bounded_weights.in_steps(inside, within, self.whole).tolist()
        except InfeasibleBoundsError:
            raise NoTilt("The targets are too small to be tilted.") from None

    def move(
        self, sources: list[bool], sinks: list[bool], *, most: int, words: tuple[str, str]
    ) -> None:
        """As much as the ranges leave, from all sources to all sinks. Raises NoTilt."""
        for which, what in zip((sources, sinks), words, strict=True):
            if not any(which):
                raise NoTilt(f"None of your targets is for {what}.")
        totals = self.totals()
        out, into = self._weights(sources), self._weights(sinks)
        halves = self._weights(sources, share=2)
        spare = [
            min(total - low, half)
            for total, low, half in zip(totals, self.low, halves, strict=True)
        ]
        room = [
            (high - total) if weight else 0
            for total, high, weight in zip(totals, self.high, into, strict=True)
        ]
        amount = min(most, sum(spare), sum(room))
        if not amount:
            full = words[1] if not sum(room) else words[0]
            raise NoTilt(f"The ranges of the categories leave no room: {full} cannot change.")
        for place, part in enumerate(spread(amount, out, spare)):
            self._give(place, sources, -part)
        for place, part in enumerate(spread(amount, into, room)):
            self._give(place, sinks, part)

    def _of(self, values: Sequence[int], place: int) -> Parts:
        return [part for part, column in zip(values, self.column, strict=True) if column == place]

    def _weights(self, chosen: list[bool], *, share: int = 1) -> Parts:
        """What is chosen of each category, or a share of each of its targets."""
        masked = [part // share * is_in for part, is_in in zip(self.parts, chosen, strict=True)]
        return [sum(self._of(masked, place)) for place in range(len(self.categories))]

    def _give(self, place: int, chosen: list[bool], amount: int) -> None:
        """Add to the chosen members of a category, or take away, in proportion."""
        members = [n for n, column in enumerate(self.column) if column == place and chosen[n]]
        before = [self.parts[n] for n in members]
        most = [amount] * len(members) if amount > 0 else [part // 2 for part in before]
        for n, part in zip(members, spread(abs(amount), before, most), strict=True):
            self.parts[n] += part if amount > 0 else -part


def spread(amount: int, weights: Sequence[int], room: Sequence[int]) -> Parts:
    """Split whole parts in proportion to weights, nobody getting more than there is room for.

    Exact: the sum is `amount`, which must not exceed the room of those with a weight, unless that
    of all together is needed.
    """
    given = [0] * len(weights)
    while amount > 0:
        takers = [n for n, most in enumerate(room) if most > given[n]]
        takers = [n for n in takers if weights[n]] or takers
        total = sum(weights[n] or 1 for n in takers)
        shares = {n: min(amount * (weights[n] or 1) // total, room[n] - given[n]) for n in takers}
        if not any(shares.values()):  # fewer parts than takers: the largest get one each
            largest = sorted(takers, key=lambda n: (-weights[n], n))[:amount]
            shares = dict.fromkeys(largest, 1)
        for n, share in shares.items():
            given[n] += share
            amount -= share
    return given


def _category(aim: Aim) -> AssetCategory:
    return aim.category if isinstance(aim, Asset) else aim
