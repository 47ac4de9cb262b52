"""Whether any portfolio keeps its bounds, and if none does, which bounds are in the way.

Categories do not overlap, so the question has an exact answer without a solver: category g can
hold anything from ``max(its lower bound, Σ lower bounds of its assets)`` to ``min(its upper bound,
Σ upper bounds of its assets)``, and a portfolio exists if and only if each such range is non-empty
and one lies between the sums of their ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import InfeasibleBoundsError, OutOfRangeError

# Bounds that miss by less are met: a sum of bounds such as 0.1 + 0.2 is not exact either.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Bounds:
    """Checked bounds of b portfolios over n assets in c categories.

    Attributes
    ----------
    lower, upper : (b, n)
        Of each asset.
    categories : (n,) int
        The category of each asset, from 0.
    category_lower, category_upper : (b, c)
        Of the sum of each category.
    """

    lower: FloatArray
    upper: FloatArray
    categories: IntArray
    category_lower: FloatArray
    category_upper: FloatArray

    @property
    def membership(self) -> FloatArray:
        """(n, c): one where the asset is in the category."""
        numbers = np.arange(self.category_lower.shape[1])
        return np.asarray(self.categories[:, None] == numbers, dtype=np.float64)

    def of(self, rows: IntArray | slice) -> Bounds:
        """Return the bounds of some of the portfolios."""
        return Bounds(
            self.lower[rows],
            self.upper[rows],
            self.categories,
            self.category_lower[rows],
            self.category_upper[rows],
        )


@dataclass(frozen=True)
class Feasibility:
    """Whether a portfolio exists within its bounds.

    Attributes
    ----------
    feasible : (b,) bool
    reasons : mapping of row to str
        Of each infeasible row, the bounds that stand against one another.
    """

    feasible: BoolArray
    reasons: Mapping[int, str]

    def require(self) -> None:
        """Refuse the first infeasible row."""
        for row, reason in self.reasons.items():
            raise InfeasibleBoundsError(f"row {row}: {reason}")


def bounds(
    lower: ArrayLike,
    upper: ArrayLike,
    categories: ArrayLike,
    category_lower: ArrayLike,
    category_upper: ArrayLike,
) -> Bounds:
    """Check the shapes and ranges of bounds; whether they fit together is for `check` to say.

    Parameters
    ----------
    lower, upper : array_like, shape (b, n)
        Of each weight, in [0, 1]: no asset is sold short. An asset outside a portfolio has 0 twice.
    categories : array_like of int, shape (n,)
        The category of each asset: 0 to c - 1.
    category_lower, category_upper : array_like, shape (b, c)
        Of each category's sum, in [0, 1]; 0 and 1 where there is none.

    Raises
    ------
    OutOfRangeError, NotFiniteError, ShapeError
    """
    least = arrays.floats("lower", lower, (None, None))
    b, n = least.shape
    most = arrays.floats("upper", upper, (b, n))
    category_least = arrays.floats("category_lower", category_lower, (b, None))
    category_most = arrays.floats("category_upper", category_upper, category_least.shape)
    of_asset = arrays.integers("categories", categories, (n,))
    strange = (of_asset < 0) | (of_asset >= category_least.shape[1])
    if strange.any():
        raise OutOfRangeError(
            f"categories of {arrays.columns(strange)} are not from 0 to "
            f"{category_least.shape[1] - 1}"
        )
    for name, bound in (
        ("lower", least),
        ("upper", most),
        ("category_lower", category_least),
        ("category_upper", category_most),
    ):
        outside = (bound < 0) | (bound > 1)
        if outside.any():
            raise OutOfRangeError(f"{name} is not in [0, 1] at {arrays.first(outside)}")
    return Bounds(least, most, of_asset, category_least, category_most)


def check(within: Bounds) -> Feasibility:
    """Tell which portfolios can keep their bounds, and why the others cannot.

    The reason names the first conflict found: of one asset, then of one category, then of the
    whole. Nothing is refused here: an infeasible row is an answer, and `Feasibility.require`
    makes an error of it.
    """
    membership = within.membership
    least = np.maximum(within.category_lower, within.lower @ membership)
    most = np.minimum(within.category_upper, within.upper @ membership)
    infeasible = (
        (within.lower > within.upper + ROUNDING).any(axis=1)
        | (least > most + ROUNDING).any(axis=1)
        | (least.sum(axis=1) > 1 + ROUNDING)
        | (most.sum(axis=1) < 1 - ROUNDING)
    )
    reasons = {
        int(row): next(_conflicts(within.of(np.array([row])))) for row in np.flatnonzero(infeasible)
    }
    return Feasibility(~infeasible, reasons)


def _conflicts(within: Bounds) -> Iterator[str]:
    """Every conflict in the bounds of one infeasible portfolio."""
    lower, upper = within.lower[0], within.upper[0]
    for column in np.flatnonzero(lower > upper + ROUNDING):
        yield (
            f"column {column} needs at least {lower[column]:.6g} "
            f"but may hold at most {upper[column]:.6g}"
        )
    for category, (needed, allowed) in enumerate(
        zip(within.category_lower[0], within.category_upper[0], strict=True)
    ):
        inside = within.categories == category
        their_least, their_most = lower[inside].sum(), upper[inside].sum()
        if needed > allowed + ROUNDING:
            yield (
                f"category {category} needs at least {needed:.6g} "
                f"but may hold at most {allowed:.6g}"
            )
        if needed > their_most + ROUNDING:
            yield (
                f"category {category} needs at least {needed:.6g} "
                f"but its assets may hold at most {their_most:.6g}"
            )
        if allowed < their_least - ROUNDING:
            yield (
                f"category {category} may hold at most {allowed:.6g} "
                f"but its assets need at least {their_least:.6g}"
            )
    yield from _conflicts_of_the_whole(within)


def _conflicts_of_the_whole(within: Bounds) -> Iterator[str]:
    lower, upper = within.lower[0], within.upper[0]
    by_assets = upper @ within.membership
    capped = within.category_upper[0] < by_assets
    total = np.minimum(within.category_upper[0], by_assets).sum()
    if total < 1 - ROUNDING:
        columns = (upper > 0) & ~capped[within.categories]
        yield f"{_names('upper', columns, capped)} sum to {total:.6g}, below 1"
    by_assets = lower @ within.membership
    raised = within.category_lower[0] > by_assets
    total = np.maximum(within.category_lower[0], by_assets).sum()
    if total > 1 + ROUNDING:
        columns = (lower > 0) & ~raised[within.categories]
        yield f"{_names('lower', columns, raised)} sum to {total:.6g}, above 1"


def _names(side: str, columns: BoolArray, categories: BoolArray) -> str:
    """Say "upper bounds of columns 0, 1 and of categories 2, 3"."""
    named = []
    if columns.any():
        named.append(f"of {arrays.columns(columns)}")
    if categories.any():
        noun = "category" if categories.sum() == 1 else "categories"
        named.append(f"of {noun} {', '.join(map(str, np.flatnonzero(categories)))}")
    return f"{side} bounds {' and '.join(named) or 'of no asset'}"
