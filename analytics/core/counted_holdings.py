"""What of a portfolio's holdings counts in its weights, and forms counted as their coin."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays
from analytics.core.arrays import BoolArray, FloatArray
from analytics.core.errors import NegativeValueError


def shares(
    values: ArrayLike,
    *,
    is_money: ArrayLike,
    set_aside: ArrayLike,
    dry_powder: ArrayLike,
    reserves: ArrayLike,
) -> FloatArray:
    """Return the part of each position that counts, between 0 and 1.

    What is set aside does not count at all, nor does money that is dry powder. A reserve takes the
    same part of every other position in money; where there is less money than it, all of it.

    Parameters
    ----------
    values : array_like, shape (b, n)
        Money in each position, 0 or more.
    is_money : array_like of bool, shape (b, n) or broadcast to it
        Stablecoins and cash.
    set_aside : array_like of bool, shape (b, n) or broadcast to it
    dry_powder : array_like of bool, shape (b,)
        Whose money does not count.
    reserves : array_like, shape (b,)
        Money that is left out of what is money, 0 or more.

    Returns
    -------
    ndarray, shape (b, n)

    Raises
    ------
    NegativeValueError, NotFiniteError, ShapeError
    """
    money = arrays.floats("values", values, (None, None))
    left_out = arrays.floats("reserves", reserves, (len(money),))
    for name, amounts in (("values", money), ("reserves", left_out)):
        if (amounts < 0).any():
            raise NegativeValueError(f"{name} is negative at {arrays.first(amounts < 0)}")
    spendable: BoolArray = np.broadcast_to(np.asarray(is_money, dtype=bool), money.shape)
    aside: BoolArray = np.broadcast_to(np.asarray(set_aside, dtype=bool), money.shape)
    powder = np.asarray(dry_powder, dtype=bool)[:, None]
    total = np.where(spendable & ~aside, money, 0.0).sum(axis=1)
    kept = 1.0 - np.minimum(left_out, total) / np.where(total > 0, total, 1.0)
    counted = np.where(spendable, kept[:, None], 1.0)
    return np.where(aside | (spendable & powder), 0.0, counted)


def grouped(quantities: ArrayLike, closes: ArrayLike, *, coins: ArrayLike) -> FloatArray:
    """Return the quantities with each form counted in units of its coin, at what both cost.

    A form stays where it is while its price, or its coin's, is not known.

    Parameters
    ----------
    quantities : array_like, shape (b, n)
    closes : array_like, shape (n,)
        NaN: no price.
    coins : array_like of int, shape (n,)
        The column of the coin that each asset is a form of; -1: of none.

    Returns
    -------
    ndarray, shape (b, n)

    Raises
    ------
    NotFiniteError, ShapeError
    """
    units = arrays.floats("quantities", quantities, (None, None))
    prices = np.asarray(closes, dtype=float)
    columns = arrays.integers("coins", coins, (units.shape[1],))
    counted = units.copy()
    for form in np.flatnonzero(columns >= 0).tolist():
        coin = int(columns[form])
        if prices[form] > 0 and prices[coin] > 0:
            counted[:, coin] += counted[:, form] * (prices[form] / prices[coin])
            counted[:, form] = 0.0
    return counted
