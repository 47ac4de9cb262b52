"""How much of a portfolio in cash would have kept its worst fall inside a limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.core import arrays, batches
from analytics.core.arrays import FloatArray
from analytics.core.errors import OutOfRangeError

# Halvings of [0, 1]: the answer is within 1e-9.
HALVINGS = 30
# So many values that what is made of them stays small beside the input.
CHUNK_VALUES = 250_000


def least(returns: ArrayLike, limits: ArrayLike) -> FloatArray:
    """Return the smallest share of cash at which each max drawdown is no deeper than its limit.

    The rest is the portfolio; both are brought back to their shares at every close, without costs,
    and cash neither earns nor loses. With a share x at risk the log of the growth between two days,
    ``Σ ln(1 + x r)``, is concave in x and zero at x = 0, so the x that keep it above ``ln(1 -
    limit)`` are an interval from 0; so is what all pairs of days allow together. Bisection of that
    interval's end is therefore exact, though the drawdown itself need not grow with x everywhere.

    Parameters
    ----------
    returns : array_like, shape (b, n_days)
        Simple daily returns of b portfolios without their cash, above -1, oldest first.
    limits : array_like, shape (b,)
        The deepest fall allowed, positive, in (0, 1].

    Returns
    -------
    ndarray, shape (b,)
        In [0, 1), rounded up within 1e-9: the share returned keeps the limit.

    Raises
    ------
    OutOfRangeError
        A return of -1 or less, or a limit outside (0, 1].
    NotFiniteError, ShapeError
    """
    moves = arrays.floats("returns", returns, (None, None))
    allowed = arrays.floats("limits", limits, (len(moves),))
    if (moves <= -1).any():
        raise OutOfRangeError(f"returns has a total loss at {arrays.first(moves <= -1)}")
    strange = (allowed <= 0) | (allowed > 1)
    if strange.any():
        raise OutOfRangeError(f"limits at {arrays.first(strange)} is not in (0, 1]")
    shares = np.zeros(len(moves))
    if moves.shape[1] == 0:
        return shares
    for rows in batches.chunks(len(moves), max(1, CHUNK_VALUES // moves.shape[1])):
        shares[rows] = _least(moves[rows], allowed[rows])
    return shares


def _least(moves: FloatArray, allowed: FloatArray) -> FloatArray:
    low, high = np.zeros(len(moves)), np.ones(len(moves))
    high[_deepest(moves, low) <= allowed] = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        keeps = _deepest(moves, middle) <= allowed
        high, low = np.where(keeps, middle, high), np.where(keeps, low, middle)
    return high


def _deepest(moves: FloatArray, cash: FloatArray) -> FloatArray:
    """The max drawdown (b,) with these shares of cash, positive."""
    growth = np.cumprod(1 + (1 - cash)[:, None] * moves, axis=1)
    peaks = np.maximum(np.maximum.accumulate(growth, axis=1), 1.0)
    return np.asarray(1 - (growth / peaks).min(axis=1))
