"""The bounds that proposals keep: of each row, of the core, of money, and of each category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from analytics.core import feasibility
from analytics.core.feasibility import Bounds
from analytics.selectors.benches import Bench
from analytics.services import weight_limits
from analytics.services.weight_limits import Range
from portfolios.models import Asset, RiskProfile
from portfolios.services.targets import Aim, short_name
from portfolios.templatetags.figures import exact_percent

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

CORE_GROUP, MONEY_GROUP = "core", "money"


class NoProposal(Exception):
    """No weights keep all bounds; the message names those in the way, and what to do."""


@dataclass(frozen=True)
class Frame:
    """What a proposal may do with k rows: money and what nobody can judge are settled before.

    `money` is the share of stablecoins and cash together, `settled` of the rows that are kept.
    """

    aims: Sequence[Aim]
    keys: Sequence[str]  # of the groups: the core, money, or a category's id
    groups: Sequence[Range]
    of_group: Ids  # (k,) the group of each row
    caps: Floats  # (k,)
    free: NDArray[np.bool_]  # (k,) rows that a proposal decides
    settled: Floats  # (k,) weights of all others
    standing: Floats  # (k,) what the rows have on the bench, summing to one

    @property
    def money(self) -> float:
        return float(self.settled[self.is_money].sum())

    @property
    def is_money(self) -> NDArray[np.bool_]:
        return np.array([weight_limits.is_money(aim) for aim in self.aims], dtype=bool)

    @property
    def left(self) -> float:
        """What the free rows share."""
        return 1.0 - float(self.settled.sum())

    def of_free(self) -> Bounds:
        """The bounds of the free rows, as fractions of what they share."""
        low, high = self._group_ends(self.settled)
        return feasibility.bounds(
            np.zeros((1, int(self.free.sum()))),
            np.minimum(self.caps[self.free] / self.left, 1.0)[None],
            self.of_group[self.free],
            np.clip(low / self.left, 0.0, 1.0)[None],
            np.clip(high / self.left, 0.0, 1.0)[None],
        )

    def of_all(self) -> Bounds:
        """The bounds of all rows; what is settled is bound to a step of a hundredth percent."""
        kept = ~self.free & ~self.is_money
        fixed = np.round(self.settled, 4)
        lower = np.where(kept, fixed, 0.0)
        upper = np.where(kept, fixed, np.where(self.is_money, 1.0, self.caps))
        low = np.array([float(group.low) for group in self.groups])
        high = np.array([float(group.high) for group in self.groups])
        of = [self.of_group == g for g in range(len(self.groups))]
        held = np.array([lower[rows].sum() for rows in of])
        movable = np.array([(rows & ~kept).any() for rows in of])
        return feasibility.bounds(
            lower[None], upper[None], self.of_group,
            np.where(movable, low, np.minimum(low, held))[None],
            np.minimum(np.maximum(high, held), 1.0)[None],
        )  # fmt: skip

    def _group_ends(self, settled: Floats) -> tuple[Floats, Floats]:
        """What the free rows of each group must and may have."""
        taken = np.array([settled[self.of_group == g].sum() for g in range(len(self.groups))])
        low = np.array([float(group.low) for group in self.groups])
        high = np.array([float(group.high) for group in self.groups])
        return np.maximum(low - taken, 0.0), np.maximum(high - taken, 0.0)


def frame(bench: Bench, profile: RiskProfile | None, weights: Mapping[Aim, Decimal]) -> Frame:
    """The frame of the rows that have a weight. Raises NoProposal."""
    aims = [aim for aim in bench.aims if weights.get(aim)]
    places = [bench.aims.index(aim) for aim in aims]
    standing = np.array([float(weights[aim]) for aim in aims])
    if not aims:
        raise NoProposal("Give at least one row a weight: proposals share out among those.")
    standing /= standing.sum()
    keys, groups, of_group = _groups(bench, profile, aims, places)
    decides = np.array([_decides(bench, place) for place in places])
    is_money = np.array([weight_limits.is_money(aim) for aim in aims], dtype=bool)
    free = decides & ~is_money
    made = Frame(
        aims=aims,
        keys=keys,
        groups=groups,
        of_group=of_group,
        caps=np.array([float(weight_limits.cap(profile, aim)) for aim in aims]),
        free=free,
        settled=np.where(free | is_money, 0.0, np.round(standing, 4)),
        standing=standing,
    )
    return _with_money(made)


def _decides(bench: Bench, place: int) -> bool:
    """Whether everything that a row is made of has history enough."""
    parts = np.flatnonzero(bench.mix[place])
    known = bench.universe.optimisable
    return bool(len(parts) and (parts < len(known)).all() and known[parts].all())


def _groups(
    bench: Bench, profile: RiskProfile | None, aims: Sequence[Aim], places: Sequence[int]
) -> tuple[list[str], list[Range], Ids]:
    """Which rows are bound together: the core, money, and the categories of all others."""
    groups: dict[str, Range] = {}
    keys: list[str] = []
    for aim, place in zip(aims, places, strict=True):
        category = aim.category if isinstance(aim, Asset) else aim
        if weight_limits.is_core(aim) or _is_all_core(bench, place):
            key = CORE_GROUP
            groups[key] = weight_limits.core(profile) or Range("Bitcoin and Ether")
        elif weight_limits.is_money(aim):
            key = MONEY_GROUP
            found = weight_limits.money(aims)
            groups[key] = found or Range("stablecoins and cash")
        else:
            key = str(category.pk)
            groups[key] = weight_limits.of_category(category, aims)
        keys.append(key)
    order = list(groups)
    return (
        order,
        list(groups.values()),
        np.array([order.index(key) for key in keys], dtype=np.int64),
    )


def _is_all_core(bench: Bench, place: int) -> bool:
    return bool(bench.mix[place].any()) and float(bench.mix[place] @ bench.is_core) > 1 - 1e-9


def _with_money(made: Frame) -> Frame:
    """Settle the share of money: what it has, as near as the ranges let it. Raises NoProposal."""
    is_money = made.is_money
    kept = float(made.settled.sum())
    low, high = made._group_ends(made.settled)
    caps = np.array([made.caps[made.free & (made.of_group == g)].sum() for g in range(len(low))])
    is_free = np.array([(made.free & (made.of_group == g)).any() for g in range(len(low))])
    _check_groups(made, low, caps, is_free)
    least = float(low[is_free].sum())
    most = float(np.minimum(high, caps)[is_free].sum())
    money_low, money_high = 0.0, 0.0
    if is_money.any():
        group = made.groups[int(made.of_group[is_money][0])]
        money_low, money_high = float(group.low), float(group.high)
    _check_whole(made, least + kept + money_low, most + kept + money_high)
    held = float(made.standing[is_money].sum())
    share = np.clip(held, max(money_low, 1 - kept - most), min(money_high, 1 - kept - least))
    settled = made.settled.copy()
    if is_money.any():
        settled[is_money] = share * made.standing[is_money] / held
    return replace(made, settled=settled)


def _check_groups(made: Frame, low: Floats, caps: Floats, is_free: NDArray[np.bool_]) -> None:
    for g, group in enumerate(made.groups):
        if is_free[g] and low[g] > caps[g] + 1e-9:
            rows = [
                f"{short_name(aim)} {_shown(cap)}"
                for aim, cap, of in zip(made.aims, made.caps, made.of_group, strict=True)
                if of == g
            ]
            raise NoProposal(
                f"{_capital(group.name)} needs at least {_shown(group.low)}, but its rows may have "
                f"at most {_shown(caps[g])}: {', '.join(rows)}. Add another asset of it."
            )


def _check_whole(made: Frame, least: float, most: float) -> None:
    if most < 1 - 1e-9:
        ends = ", ".join(
            f"{group.name} {_shown(min(float(group.high), _most_of(made, g)))}"
            for g, group in enumerate(made.groups)
        )
        raise NoProposal(
            f"At their most, the rows make {_shown(most)} together: {ends}. "
            "Add assets of other categories."
        )
    if least > 1 + 1e-9:
        ends = ", ".join(
            f"{group.name} {_shown(group.low)}" for group in made.groups if group.low > 0
        )
        raise NoProposal(
            f"At their least, the rows make {_shown(least)} together: {ends}. "
            "Take a category off the bench."
        )


def _most_of(made: Frame, g: int) -> float:
    rows = made.of_group == g
    return float(np.where(made.free, made.caps, 1.0)[rows].sum())


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _shown(fraction: float | Decimal) -> str:
    return f"{exact_percent(round(Decimal(repr(float(fraction))), 4).normalize())} %"
