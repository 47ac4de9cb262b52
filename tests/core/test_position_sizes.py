import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import errors, position_sizes

LONG = {
    "account": [10_000.0],
    "risk": [0.02],
    "entries": [67_000.0],
    "stops": [65_500.0],
    "targets": [[72_000.0]],
}


@st.composite
def trades(draw):
    """One trade, long or short, with several take-profits and a fee."""
    entry = draw(st.floats(1e-6, 1e6))
    distance = draw(st.floats(0.001, 0.9)) * draw(st.sampled_from([-1, 1]))
    k = draw(st.integers(1, 4))
    away = np.array(draw(st.lists(st.floats(0.001, 0.9), min_size=k, max_size=k)))
    shares = np.array(draw(st.lists(st.floats(0.01, 1), min_size=k, max_size=k)))
    return {
        "account": [draw(st.floats(1, 1e9))],
        "risk": [draw(st.floats(1e-4, 1))],
        "entries": [entry],
        "stops": [entry * (1 - distance)],
        "targets": [entry * (1 + np.sign(distance) * away)],
        "target_shares": [shares / shares.sum()],
        "fee_rate": [draw(st.floats(0, 0.05))],
    }


def account_after(trade, quantity, is_long, exits, shares):
    """Follow the money: every fill pays its fee."""
    side = 1 if is_long else -1
    entry, fee = trade["entries"][0], trade["fee_rate"][0]
    money = trade["account"][0] - side * quantity * entry - fee * quantity * entry
    for price, share in zip(exits, shares, strict=True):
        money += side * quantity * share * price - fee * quantity * share * price
    return money


def test_the_published_case_of_the_article_to_the_digit():
    found = position_sizes.size(**LONG)
    assert f"{found.risk_amount[0]:.2f}" == "200.00"
    assert f"{found.quantity[0]:.6f}" == "0.133333"
    assert f"{found.value[0]:,.2f}" == "8,933.33"
    assert f"{found.stop_return[0]:+.1%}" == "-2.2%"
    assert f"{found.target_returns[0, 0]:+.1%}" == "+7.5%"
    assert f"{found.profit[0]:.2f}" == "666.67"
    assert f"{found.reward_to_risk[0]:.2f}" == "3.33"
    assert found.is_long.tolist() == [True]
    assert found.break_even.tolist() == LONG["entries"]


def test_a_short_trade_is_the_long_one_upside_down():
    found = position_sizes.size([10_000.0], [0.02], [67_000.0], [68_500.0], [[62_000.0]])
    long = position_sizes.size(**LONG)
    assert found.is_long.tolist() == [False]
    for name in ("quantity", "value", "stop_return", "target_returns", "profit", "reward_to_risk"):
        np.testing.assert_allclose(getattr(found, name), getattr(long, name), rtol=1e-12)


def test_several_take_profits_and_fees_by_hand():
    # 100 at risk over 10 a unit and 0.01 × (100 + 90) in fees: 100 / 11.9 units.
    found = position_sizes.size(
        [1000.0], [0.1], [100.0], [90.0], [[110.0, 140.0]],
        target_shares=[[0.75, 0.25]], fee_rate=0.01,
    )  # fmt: skip
    np.testing.assert_allclose(found.quantity, [100 / 11.9])
    np.testing.assert_allclose(found.profits, [[100 / 11.9 * 0.75 * 7.9, 100 / 11.9 * 0.25 * 37.6]])
    np.testing.assert_allclose(found.profit, found.profits.sum(axis=1))


def test_without_shares_each_take_profit_closes_the_same():
    halves = position_sizes.size(**LONG | {"targets": [[70_000.0, 74_000.0]]})
    np.testing.assert_allclose(halves.profit, position_sizes.size(**LONG).profit)


@given(trades())
def test_the_stop_costs_what_was_decided_and_the_targets_bring_what_is_said(trade):
    found = position_sizes.size(**trade)
    quantity, is_long, account = found.quantity[0], found.is_long[0], trade["account"][0]
    rounding = 1e-9 * (account + found.value[0])
    stopped = account_after(trade, quantity, is_long, trade["stops"], [1.0])
    assert account - stopped == pytest.approx(trade["risk"][0] * account, abs=rounding)
    taken = account_after(trade, quantity, is_long, trade["targets"][0], trade["target_shares"][0])
    assert taken - account == pytest.approx(found.profit[0], abs=rounding)
    even = account_after(trade, quantity, is_long, found.break_even, [1.0])
    assert even == pytest.approx(account, abs=rounding)


@given(trades(), st.floats(1e-3, 1e3))
def test_the_currency_does_not_matter_and_twice_the_risk_is_twice_the_size(trade, rate):
    plain = position_sizes.size(**trade)
    money = ("account", "entries", "stops", "targets")
    other = position_sizes.size(**trade | {name: np.multiply(trade[name], rate) for name in money})
    np.testing.assert_allclose(other.quantity, plain.quantity, rtol=1e-6)
    np.testing.assert_allclose(other.profit, plain.profit * rate, rtol=1e-6, atol=1e-9 * rate)
    half = position_sizes.size(**trade | {"risk": np.multiply(trade["risk"], 0.5)})
    np.testing.assert_allclose(half.quantity, plain.quantity / 2)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"stops": [67_000.0]}, errors.InconsistentTradeError, "stops.*row 0"),
        ({"targets": [[72_000.0, 66_000.0]]}, errors.InconsistentTradeError, "row 0, column 1"),
        ({"stops": [70_000.0]}, errors.InconsistentTradeError, "row 0, column 0"),
        ({"stops": [0.0]}, errors.NotPositivePriceError, "stops.*row 0"),
        ({"entries": [-1.0]}, errors.NotPositivePriceError, "entries.*row 0"),
        ({"targets": [[np.nan]]}, errors.NotFiniteError, "targets.*row 0, column 0"),
        ({"targets": [[]]}, errors.ShapeError, "targets has no column"),
        ({"account": [0.0]}, errors.OutOfRangeError, "account at row 0"),
        ({"account": [1.0, 1.0]}, errors.ShapeError, "account"),
        ({"risk": [0.0]}, errors.OutOfRangeError, "risk at row 0"),
        ({"risk": [1.1]}, errors.OutOfRangeError, "risk at row 0"),
        ({"fee_rate": [1.0]}, errors.OutOfRangeError, "fee_rate at row 0"),
        ({"target_shares": [[0.9]]}, errors.WeightsSumError, "row 0"),
        (
            {"targets": [[72_000.0] * 2], "target_shares": [[1.5, -0.5]]},
            errors.NegativeWeightError,
            "row 0, column 1",
        ),
        ({"account": [1e308], "stops": [67_000.0 * (1 - 1e-15)]}, errors.NotFiniteError, "trade"),
    ],
)
def test_trades_that_make_no_sense_are_refused_by_name(changed, error, message):
    with pytest.raises(error, match=message):
        position_sizes.size(**LONG | changed)
