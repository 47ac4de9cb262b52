"""The cash that a limit would have taken: closed forms, a search over all shares, its bounds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import cash_shares, drawdowns
from analytics.core.errors import NotFiniteError, OutOfRangeError

CALENDAR = np.arange(400)


def max_drawdown(returns, cash):
    """Of a portfolio with cash, by the kernel of drawdowns."""
    values = np.concatenate([[1.0], np.cumprod(1 + (1 - cash) * np.asarray(returns))])
    return -drawdowns.statistics(values[None], CALENDAR[: len(values)]).max_drawdown[0]


def test_one_fall_by_hand():
    """Half lost in a day: a limit of a fifth leaves two fifths at risk."""
    assert cash_shares.least([[0.1, -0.5, 0.3]], [0.2]) == pytest.approx([0.6])


def test_two_equal_falls_by_the_closed_form():
    """Each loses x of 30 %, so (1 - 0.3 x)² is what is left."""
    left = (1 - np.sqrt(1 - 0.2)) / 0.3
    assert cash_shares.least([[-0.3, -0.3]], [0.2]) == pytest.approx([1 - left])


def test_no_cash_is_needed_inside_the_limit_or_without_any_fall():
    assert cash_shares.least([[-0.1, 0.2], [0.1, 0.2]], [0.1, 0.01]).tolist() == [0, 0]
    assert cash_shares.least(np.zeros((1, 0)), [0.2]).tolist() == [0]


@pytest.mark.parametrize("limit", [0.05, 0.2, 0.35, 0.5])
def test_the_first_of_a_thousand_shares_that_keeps_the_limit(limit):
    """The oracle tries every tenth of a percent with the kernel of drawdowns."""
    returns = np.random.default_rng(3).normal(0, 0.05, (4, 300))
    found = cash_shares.least(returns, np.full(4, limit))
    grid = np.arange(1001) / 1000
    for row, share in zip(returns, found, strict=True):
        first = next(cash for cash in grid if max_drawdown(row, cash) <= limit)
        assert first - 0.001 <= share <= first + 1e-9


@given(
    st.lists(st.floats(-0.9, 2), min_size=1, max_size=40),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_what_is_found_and_any_more_keeps_the_limit_and_less_does_not(returns, limit, part):
    share = cash_shares.least([returns], [limit])[0]
    assert max_drawdown(returns, share) <= limit + 1e-12
    assert max_drawdown(returns, share + part * (1 - share)) <= limit + 1e-12
    if share > 1e-6:
        assert max_drawdown(returns, share - 1e-6) > limit - 1e-12


def test_a_batch_is_each_of_its_rows(monkeypatch):
    returns = np.random.default_rng(4).normal(0, 0.05, (5, 50))
    limits = [0.1, 0.2, 0.3, 0.4, 0.5]
    alone = [cash_shares.least([row], [most])[0] for row, most in zip(returns, limits, strict=True)]
    monkeypatch.setattr(cash_shares, "CHUNK_VALUES", 100)
    assert cash_shares.least(returns, limits).tolist() == alone


@pytest.mark.parametrize(
    ("returns", "limit", "error"),
    [
        ([[-1.0]], 0.2, OutOfRangeError),
        ([[0.1]], 0.0, OutOfRangeError),
        ([[0.1]], 1.1, OutOfRangeError),
        ([[np.nan]], 0.2, NotFiniteError),
    ],
)
def test_what_has_no_answer_is_refused(returns, limit, error):
    with pytest.raises(error):
        cash_shares.least(returns, [limit])


def test_the_article_s_limits_since_2021_with_bitcoin_and_ether(market_directory):
    """Two thirds Bitcoin: the limits of the profiles are those of mostly stablecoins."""
    closes = [
        pd.read_csv(market_directory / f"{symbol}.csv", index_col="date")["close"]
        for symbol in ("BTC", "ETH")
    ]
    prices = pd.concat(closes, axis=1)["2020-12-31":"2024-12-31"]
    coins = prices.pct_change().to_numpy()[1:] @ [2 / 3, 1 / 3]
    limits = [0.2, 0.35, 0.5]
    found = cash_shares.least(np.tile(coins, (3, 1)), limits)
    values = np.cumprod(1 + (1 - found)[:, None] * coins, axis=1)
    falls = drawdowns.statistics(values, np.arange(len(coins))).max_drawdown
    assert -falls == pytest.approx(limits, abs=1e-7)
    assert found == pytest.approx([0.82, 0.66, 0.47], abs=0.01)
