import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import cash_trades, errors


def random_case(seed, rows=4, size=5):
    generator = np.random.default_rng(seed)
    values = generator.lognormal(3, 2, (rows, size)) * (generator.random((rows, size)) < 0.8)
    values[:, 0] += 1
    targets = generator.dirichlet(np.ones(size), rows)
    cash = generator.uniform(0, 1, rows) * values.sum(axis=1)
    return values, targets, generator.uniform(0, 0.1, rows), cash


def drifts(values, targets):
    return values / values.sum(axis=1, keepdims=True) - targets


def test_new_cash_goes_to_what_is_furthest_below_by_hand():
    # 1,000 after 200: targets 500, 300, 200; held 500, 250, 50. The third lacks 150, the second
    # 50; 200 is all that both lack.
    trades = cash_trades.invest([[500.0, 250.0, 50.0]], [[0.5, 0.3, 0.2]], [0.0], [200.0])
    np.testing.assert_allclose(trades.amounts, [[0.0, 50.0, 150.0]], atol=1e-12)
    # 50 only: the third lacks 120, the second 5; all of it goes to the third.
    trades = cash_trades.invest([[500.0, 250.0, 50.0]], [[0.5, 0.3, 0.2]], [0.0], [50.0])
    np.testing.assert_allclose(trades.amounts, [[0.0, 0.0, 50.0]], atol=1e-12)


def test_cash_is_raised_from_what_is_furthest_above_by_hand():
    # 60 wanted leaves 940: targets 470, 282, 188. Above them: 80, 18. All of the 60 comes from
    # the first, which is still further above than the second.
    trades = cash_trades.raise_cash([[550.0, 300.0, 150.0]], [[0.5, 0.3, 0.2]], [0.0], [60.0])
    np.testing.assert_allclose(trades.amounts, [[-60.0, 0.0, 0.0]], atol=1e-12)
    trades = cash_trades.raise_cash([[550.0, 300.0, 150.0]], [[0.5, 0.3, 0.2]], [0.25], [45.0])
    np.testing.assert_allclose(trades.amounts, [[-60.0, 0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(trades.cost, [15.0])


def test_an_empty_portfolio_is_bought_at_its_targets():
    trades = cash_trades.invest([[0.0, 0.0]], [[0.7, 0.3]], [0.01], [101.0])
    np.testing.assert_allclose(trades.amounts, [[70.0, 30.0]])
    np.testing.assert_allclose(trades.cost, [1.0])


def test_what_may_not_be_bought_leaves_cash_over():
    trades = cash_trades.invest(
        [[50.0, 50.0]], [[0.5, 0.5]], [0.0], [100.0], tradable=[[True, False]]
    )
    np.testing.assert_allclose(trades.amounts, [[50.0, 0.0]])
    np.testing.assert_allclose(trades.leftover_cash, [50.0])


def test_what_may_be_sold_is_sold_below_its_target_if_need_be():
    trades = cash_trades.raise_cash(
        [[50.0, 25.0, 25.0]], [[0.5, 0.25, 0.25]], [0.0], [40.0], tradable=[[False, True, True]]
    )
    np.testing.assert_allclose(trades.amounts, [[0.0, -20.0, -20.0]])


def test_raising_all_that_there_is_leaves_nothing():
    trades = cash_trades.raise_cash([[60.0, 40.0]], [[0.5, 0.5]], [0.01], [99.0])
    np.testing.assert_allclose(trades.amounts, [[-60.0, -40.0]])


@given(st.integers(0, 2**32 - 1))
def test_buying_only_ends_nearer_and_spends_what_it_says(seed):
    values, targets, fee_rate, cash = random_case(seed)
    trades = cash_trades.invest(values, targets, fee_rate, cash)
    scale = 1e-12 * (values.sum(axis=1) + cash)
    assert (trades.amounts >= 0).all()
    spent = trades.amounts.sum(axis=1)
    assert (np.abs(spent + trades.cost + trades.leftover_cash - cash) <= scale).all()
    assert (np.abs(trades.cost - fee_rate * spent) <= scale).all()
    assert (trades.leftover_cash <= scale).all()
    before, after = drifts(values, targets), drifts(values + trades.amounts, targets)
    assert (np.abs(after).sum(axis=1) <= np.abs(before).sum(axis=1) + 1e-9).all()
    # Least squares: whoever buys is as far below as any other, and nobody below him is left out.
    level = np.where(trades.amounts > 1e-9 * values.sum(axis=1)[:, None], after, -np.inf).max(
        axis=1
    )
    assert (after >= level[:, None] - 1e-9).all()


@given(st.integers(0, 2**32 - 1))
def test_selling_only_ends_nearer_and_brings_the_cash(seed):
    values, targets, fee_rate, cash = random_case(seed)
    cash *= 0.85
    trades = cash_trades.raise_cash(values, targets, fee_rate, cash)
    scale = 1e-12 * values.sum(axis=1)
    assert (trades.amounts <= 0).all()
    assert (values + trades.amounts >= 0).all()
    assert (np.abs(-trades.amounts.sum(axis=1) - trades.cost - cash) <= scale).all()
    before, after = drifts(values, targets), drifts(values + trades.amounts, targets)
    assert (np.abs(after).sum(axis=1) <= np.abs(before).sum(axis=1) + 1e-9).all()


@pytest.mark.parametrize("mode", [cash_trades.invest, cash_trades.raise_cash])
def test_alone_and_in_any_order_the_trades_are_the_same(mode):
    values, targets, fee_rate, cash = random_case(5, rows=20)
    batch = mode(values, targets, fee_rate, 0.5 * cash)
    order = [4, 2, 0, 1, 3]
    permuted = mode(values[:, order], targets[:, order], fee_rate, 0.5 * cash)
    tiny = 1e-11 * values.sum()
    np.testing.assert_allclose(permuted.amounts, batch.amounts[:, order], rtol=0, atol=tiny)
    for row in range(20):
        one = slice(row, row + 1)
        alone = mode(values[one], targets[one], fee_rate[one], 0.5 * cash[one])
        np.testing.assert_array_equal(alone.amounts, batch.amounts[one])


@pytest.mark.parametrize("mode", [cash_trades.invest, cash_trades.raise_cash])
@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"values": [[1.0, -1.0]]}, errors.NegativeValueError, "values.*column 1"),
        ({"values": [[1.0, np.nan]]}, errors.NotFiniteError, "values.*column 1"),
        ({"target_weights": [[0.5, 0.4]]}, errors.WeightsSumError, "row 0"),
        ({"target_weights": [[1.0]]}, errors.ShapeError, "target_weights"),
        ({"fee_rate": [1.0]}, errors.OutOfRangeError, "fee_rate"),
        ({"cash": [-1.0]}, errors.OutOfRangeError, "cash.*row 0"),
        ({"tradable": [[True]]}, errors.ShapeError, "tradable"),
    ],
)
def test_unusable_cash_are_refused_by_name(mode, changed, error, message):
    usable = {
        "values": [[1.0, 1.0]],
        "target_weights": [[0.5, 0.5]],
        "fee_rate": [0.0],
        "cash": [1],
    }
    with pytest.raises(error, match=message):
        mode(**(usable | changed))


def test_more_cash_than_can_be_raised_is_refused_by_row():
    values, targets = [[100.0, 0.0], [50.0, 50.0]], np.full((2, 2), 0.5)
    tradable = [[True, True], [True, False]]
    with pytest.raises(errors.NotEnoughToSellError, match="row 1 is 60, sells bring 50"):
        cash_trades.raise_cash(values, targets, [0.0, 0.0], [60.0, 60.0], tradable=tradable)
    with pytest.raises(errors.WorthlessPortfolioError, match="row 0"):
        cash_trades.raise_cash([[0.0]], [[1.0]], [0.0], [0.0])
