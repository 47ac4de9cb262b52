import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import errors, orders, rebalancing


def test_lots_are_whole_and_the_rest_stays_cash_by_hand():
    # Sells 0.3 BTC of 0.3 in lots of 0.1, though 0.3 / 0.1 is 2.9999999999999996; buys 7.5 SOL in
    # whole ones. 30,000 for the sell, 7 x 4,000 for the buys.
    placed = orders.place(
        [[-30_000.0, 30_000.0]], [[30_000.0, 0.0]], [100_000.0, 4_000.0], [0.0],
        lot_sizes=[0.1, 1.0],
    )  # fmt: skip
    np.testing.assert_allclose(placed.quantities, [[-0.3, 7.0]])
    np.testing.assert_allclose(placed.leftover_cash, [2_000.0])


def test_what_is_skipped_says_why():
    placed = orders.place(
        [[-5.0, -15.0, 15.0, 5.0]], [[100.0] * 4], [1.0, 20.0, 1.0, 1.0], [0.0],
        minimum=10.0, lot_sizes=[0.0, 1.0, 0.0, 0.0],
    )  # fmt: skip
    np.testing.assert_array_equal(placed.amounts, [[0.0] * 4])
    assert placed.too_small.tolist() == [[True, False, False, True]]
    assert placed.rounded_away.tolist() == [[False, True, False, False]]
    assert placed.unfunded.tolist() == [[False, False, True, False]]


def test_own_cash_pays_for_buys():
    placed = orders.place([[50.0]], [[0.0]], [1.0], [0.01], cash=[60.0])
    np.testing.assert_allclose(placed.amounts, [[50.0]])
    np.testing.assert_allclose(placed.leftover_cash, [9.5])


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_cash_is_never_negative_and_no_order_strays(seed, in_lots):
    generator = np.random.default_rng(seed)
    values = generator.lognormal(3, 2, (3, 5))
    targets = generator.dirichlet(np.ones(5), 3)
    closes, fee_rate = generator.lognormal(2, 3, 5), generator.uniform(0, 0.05, 3)
    trades = rebalancing.trades_to_target(values, targets, fee_rate)
    minimum = generator.choice([0.0, 1.0, 10.0])
    placed = orders.place(
        trades.amounts, values, closes, fee_rate, minimum=minimum,
        lot_sizes=generator.lognormal(-2, 2, 5) if in_lots else 0.0,
    )  # fmt: skip
    total = values.sum(axis=1)
    tiny = 1e-12 * total
    assert all(np.isfinite(a).all() for a in (placed.amounts, placed.quantities, placed.cost))
    # Between nothing and what was asked, up to the rounding of a lot.
    assert (placed.amounts * trades.amounts >= 0).all()
    assert (np.abs(placed.amounts) <= np.abs(trades.amounts) * (1 + 2e-9)).all()
    assert ((np.abs(placed.amounts) >= minimum) | (placed.amounts == 0)).all()
    after = values + placed.amounts
    assert (after >= 0).all()
    # Nothing is lost: what is left over is what sells bring beyond buys and cost, and never less.
    cash = -placed.amounts.sum(axis=1) - placed.cost
    assert (cash >= -tiny).all()
    np.testing.assert_allclose(placed.leftover_cash, np.maximum(cash, 0.0), atol=tiny.max())
    whole = after.sum(axis=1) + placed.leftover_cash
    np.testing.assert_allclose(whole + placed.cost, total, rtol=1e-12)
    off = np.abs(after / whole[:, None] - targets).sum(axis=1) + placed.leftover_cash / whole
    before = np.abs(values / total[:, None] - targets).sum(axis=1)
    assert (off <= before + 2 * trades.cost / whole + 1e-8).all()


def test_whole_lots_are_whole():
    generator = np.random.default_rng(1)
    values, closes = generator.lognormal(5, 1, (50, 4)), np.array([3.0, 70.0, 0.002, 11.0])
    lots = np.array([0.01, 0.001, 1000.0, 0.0])
    trades = rebalancing.trades_to_target(values, np.full((50, 4), 0.25), np.full(50, 0.003))
    placed = orders.place(trades.amounts, values, closes, np.full(50, 0.003), lot_sizes=lots)
    counted = placed.quantities[:, :3] / lots[:3]
    np.testing.assert_allclose(counted, np.rint(counted), atol=1e-6)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"amounts": [[np.nan, 0.0]]}, errors.NotFiniteError, "amounts.*column 0"),
        ({"values": [[1.0, -1.0]]}, errors.NegativeValueError, "column 1"),
        ({"closes": [1.0, 0.0]}, errors.NotPositivePriceError, "row 1"),
        ({"fee_rate": [-0.1]}, errors.OutOfRangeError, "fee_rate"),
        ({"minimum": -1.0}, errors.OutOfRangeError, "minimum"),
        ({"lot_sizes": [0.1, -0.1]}, errors.OutOfRangeError, "lot_sizes.*row 1"),
        ({"lot_sizes": [0.1] * 3}, errors.ShapeError, "lot_sizes"),
        ({"cash": [-1.0]}, errors.OutOfRangeError, "cash"),
    ],
)
def test_unusable_orders_are_refused_by_name(changed, error, message):
    usable = {"amounts": [[1.0, -1.0]], "values": [[1.0, 1.0]], "closes": [1, 1], "fee_rate": [0]}
    with pytest.raises(error, match=message):
        orders.place(**(usable | changed))
