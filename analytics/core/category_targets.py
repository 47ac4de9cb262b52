"""What a target for a category as a whole means for each position in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray, IntArray
from analytics.core.errors import NegativeValueError, NegativeWeightError


@dataclass(frozen=True)
class ResolvedTargets:
    """The target of every position, and where it comes from.

    `weights` (b, n) fractions; `from_category` (b, n) the positions whose target is a part of
    their category's; `complete` (b,) False where a category with a target has no position to
    take it, so that the weights do not sum to one.
    """

    weights: FloatArray
    from_category: BoolArray
    complete: BoolArray


def resolve(
    values: ArrayLike,
    held: ArrayLike,
    target_weights: ArrayLike,
    *,
    categories: ArrayLike,
    category_targets: ArrayLike,
    stand_ins: ArrayLike,
) -> ResolvedTargets:
    """Split the targets of categories over the positions in them, by what each is worth now.

    The mix inside a category floats: a position's target is its category's target times its
    share of the category's value, so trades leave the mix as it is. A position with a target of
    its own stays out of its category's. Positions that are held but worth nothing share equally
    when nothing else of the category is held.

    Parameters
    ----------
    values : array_like, shape (b, n)
        Money in each position, 0 or more.
    held : array_like of bool, shape (b, n)
        Which positions are held.
    target_weights : array_like, shape (b, n)
        Targets of their own, 0 where there is none.
    categories : array_like of int, shape (b, n)
        The column of `category_targets` that each position belongs to; -1: to none of them.
    category_targets : array_like, shape (b, g)
        0 or more; 0 where the portfolio has no target for that category.
    stand_ins : array_like of int, shape (g,)
        The position that takes the target of a category of which nothing is held; -1: none.

    Raises
    ------
    NegativeValueError, NegativeWeightError, NotFiniteError, ShapeError
    """
    money = arrays.floats("values", values, (None, None))
    own = arrays.floats("target_weights", target_weights, money.shape)
    wanted = arrays.floats("category_targets", category_targets, (len(money), None))
    columns = arrays.integers("categories", categories, money.shape)
    substitutes = arrays.integers("stand_ins", stand_ins, (wanted.shape[1],))
    _require_not_negative(money, own, wanted)
    owned = np.asarray(held, dtype=bool)

    weights = own.copy()
    from_category = np.zeros(money.shape, dtype=bool)
    complete = np.ones(len(money), dtype=bool)
    for category, stand_in in enumerate(substitutes.tolist()):
        rows = np.flatnonzero(wanted[:, category] > 0)
        members = (columns[rows] == category) & owned[rows] & (own[rows] == 0)
        nothing = ~members.any(axis=1)
        if stand_in >= 0:
            members[nothing, stand_in] = True
        else:
            complete[rows[nothing]] = False
        weights[rows] += _shares(money[rows], members) * wanted[rows, category][:, None]
        from_category[rows] |= members
    return ResolvedTargets(weights=weights, from_category=from_category, complete=complete)


def category_weights(
    weights: ArrayLike, from_category: ArrayLike, categories: ArrayLike, count: int
) -> FloatArray:
    """Return the weight of each category in the positions that its target covers.

    Parameters
    ----------
    weights : array_like, shape (b, n)
    from_category : array_like of bool, shape (b, n)
        Of `resolve`.
    categories : array_like of int, shape (b, n)
        As for `resolve`.
    count : int
        How many categories there are.

    Returns
    -------
    ndarray, shape (b, count)

    Raises
    ------
    NotFiniteError, ShapeError
    """
    held = arrays.floats("weights", weights, (None, None))
    columns: IntArray = arrays.integers("categories", categories, held.shape)
    covered = np.asarray(from_category, dtype=bool)
    totals = np.empty((len(held), count))
    for category in range(count):
        totals[:, category] = np.where(covered & (columns == category), held, 0.0).sum(axis=1)
    return totals


def _shares(values: FloatArray, members: BoolArray) -> FloatArray:
    """Each member's part of what all members of its row are worth."""
    worth = np.where(members, values, 0.0)
    total = worth.sum(axis=1)
    worthless = total <= 0
    worth[worthless] = members[worthless]
    total[worthless] = np.maximum(members[worthless].sum(axis=1), 1)
    shares: FloatArray = worth / total[:, None]
    return shares


def _require_not_negative(values: FloatArray, own: FloatArray, wanted: FloatArray) -> None:
    if (values < 0).any():
        raise NegativeValueError(f"values is negative at {arrays.first(values < 0)}")
    for name, weights in (("target_weights", own), ("category_targets", wanted)):
        if (weights < 0).any():
            raise NegativeWeightError(f"{name} is negative at {arrays.first(weights < 0)}")
