import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import costs, errors

MARKET = {
    "fee_rate": [0.001],
    "half_spread": [0.0005, 0.002],
    "daily_volatility": [0.03, 0.05],
    "daily_volume": [1e6, np.nan],
    "volume_if_unknown": [1.0, 40_000.0],
}


def random_market(seed=0, size=4, days=60):
    generator = np.random.default_rng(seed)
    returns = generator.normal(0, 0.04, (days, size))
    return np.cov(returns.T, ddof=0), returns, generator.dirichlet(np.ones(size), (2, 5))


def test_fee_spread_and_impact_by_hand():
    # 10,000 is a hundredth of the volume: a tenth of 3 %; 400 a hundredth of the assumed 40,000.
    paid = costs.trading_costs([[10_000.0, -400.0]], [100_000.0], **MARKET, tax=[25.0])
    np.testing.assert_allclose(paid.fees, [[10.0, 0.4]])
    np.testing.assert_allclose(paid.spreads, [[5.0, 0.8]])
    np.testing.assert_allclose(paid.impacts, [[30.0, 2.0]])
    np.testing.assert_allclose(paid.total, [73.2])
    np.testing.assert_allclose(paid.share, [0.000732])


def test_no_trade_costs_nothing():
    assert costs.trading_costs([[0.0, 0.0]], [1.0], **MARKET).total.tolist() == [0.0]


def test_four_times_the_trade_has_eight_times_the_impact():
    one, four = (costs.trading_costs([[m, m]], [1e6], **MARKET).impacts for m in (100.0, 400.0))
    np.testing.assert_allclose(four, 8 * one)


def test_the_benefit_of_returning_by_hand():
    # 10 points too much of what has 4 % a day, against cash: 3 / 2 x 0.01 x 0.0016 x 365 is
    # 87.6 basis points a year.
    benefit = costs.benefit(
        [[0.6, 0.4]], [[0.5, 0.5]], [[0.0016, 0.0], [0.0, 0.0]], [[-0.01, 0.0]] * 20
    )
    np.testing.assert_allclose(benefit.per_year * 1e4, [87.6])
    np.testing.assert_allclose(benefit.volatility_change, [-0.1 * 0.04 * np.sqrt(365)])
    np.testing.assert_allclose(benefit.cvar_change, [-0.001])
    assert benefit.raises_risk.tolist() == [False]


def test_a_rebalance_into_what_is_wilder_says_so():
    covariance, returns, _ = random_market()
    covariance[0, 0] *= 9
    weights, targets = [[0.1, 0.3, 0.3, 0.3]], [[0.7, 0.1, 0.1, 0.1]]
    benefit = costs.benefit(weights, targets, covariance, returns)
    assert benefit.raises_risk[0]
    assert benefit.volatility_change[0] > 0
    assert benefit.per_year[0] > 0


def test_the_benefit_is_the_utility_lost_by_not_being_at_the_optimum():
    covariance, returns, (weights, _) = random_market(3)
    expected = np.array([0.05, 0.02, 0.08, 0.03])
    target = np.linalg.solve(3.0 * 365 * covariance, expected)  # the optimum without bounds

    def utility(w):
        return w @ expected - 1.5 * 365 * np.einsum("bi,ij,bj->b", w, covariance, w)

    benefit = costs.benefit(weights, np.tile(target, (5, 1)), covariance, returns)
    np.testing.assert_allclose(benefit.per_year, utility(target[None]) - utility(weights))


def test_half_the_way_is_three_quarters_of_the_benefit():
    covariance, returns, (weights, targets) = random_market(1)
    whole = costs.benefit(weights, targets, covariance, returns)
    half = costs.benefit(weights, targets, covariance, returns, after=(weights + targets) / 2)
    np.testing.assert_allclose(half.per_year, 0.75 * whole.per_year)


def test_on_target_nothing_changes():
    covariance, returns, (weights, _) = random_market(2)
    benefit = costs.benefit(weights, weights, covariance, returns)
    for change in (benefit.per_year, benefit.volatility_change, benefit.cvar_change):
        np.testing.assert_array_equal(change, 0.0)
    assert not benefit.raises_risk.any()


def test_worth_it_over_a_month_but_not_over_the_week_of_a_wild_market():
    # 73 basis points a year are 0.2 a day: 6 in a month, 1.4 in a week; the cost is 5.
    verdict = costs.verdict([0.0005] * 2, [0.0073] * 2, [False, True])
    assert verdict.worth_it.tolist() == [True, False]
    np.testing.assert_allclose(verdict.break_even_days, [25.0, 25.0])
    assert verdict.horizon_days.tolist() == [30.0, 7.0]
    assert costs.verdict([0.0005], [0.0073], True, horizon_days=26.0).worth_it.tolist() == [True]


def test_a_cost_without_benefit_never_breaks_even_and_no_cost_at_once():
    verdict = costs.verdict([0.001, 0.0, 0.0], [0.0, 0.01, 0.0], False)
    assert verdict.break_even_days.tolist() == [np.inf, 0.0, 0.0]
    assert verdict.worth_it.tolist() == [False, True, False]


@given(st.floats(0, 0.1), st.floats(0, 1), st.floats(1, 400))
def test_worth_it_is_breaking_even_before_the_horizon(cost, gained, horizon):
    verdict = costs.verdict([cost], [gained], False, horizon_days=horizon)
    assert not np.isnan(verdict.break_even_days[0])
    if abs(verdict.break_even_days[0] - horizon) > 1e-6 and gained > 1e-300 and cost > 0:
        assert verdict.worth_it[0] == (verdict.break_even_days[0] < horizon)


def test_alone_and_in_any_order_of_assets_the_benefit_is_the_same():
    covariance, returns, (weights, targets) = random_market(4)
    batch = costs.benefit(weights, targets, covariance, returns)
    order = [2, 0, 3, 1]
    permuted = costs.benefit(
        weights[:, order], targets[:, order], covariance[np.ix_(order, order)], returns[:, order]
    )
    np.testing.assert_allclose(permuted.per_year, batch.per_year, rtol=1e-10)
    np.testing.assert_allclose(permuted.cvar_change, batch.cvar_change, atol=1e-12)
    alone = costs.benefit(weights[2:3], targets[2:3], covariance, returns)
    np.testing.assert_allclose(alone.per_year, batch.per_year[2:3], rtol=1e-12)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"amounts": [[np.nan, 1.0]]}, errors.NotFiniteError, "amounts.*column 0"),
        ({"portfolio_value": [0.0]}, errors.WorthlessPortfolioError, "row 0"),
        ({"fee_rate": [-0.1]}, errors.OutOfRangeError, "fee_rate"),
        ({"fee_rate": [1.0]}, errors.OutOfRangeError, "fee_rate"),
        ({"half_spread": [0.0, -0.1]}, errors.OutOfRangeError, "half_spread.*row 1"),
        ({"daily_volatility": [0.1]}, errors.ShapeError, "daily_volatility"),
        ({"daily_volume": [0.0, 1.0]}, errors.OutOfRangeError, "daily_volume.*column 0"),
        ({"volume_if_unknown": [1.0, np.nan]}, errors.NotFiniteError, "volume_if_unknown"),
        ({"tax": np.inf}, errors.NotFiniteError, "tax"),
    ],
)
def test_unusable_costs_are_refused_by_name(changed, error, message):
    usable = {"amounts": [[1.0, 1.0]], "portfolio_value": [2.0], **MARKET}
    with pytest.raises(error, match=message):
        costs.trading_costs(**(usable | changed))


def test_unusable_benefits_and_verdicts_are_refused_by_name():
    covariance, returns, (weights, targets) = random_market()
    with pytest.raises(errors.OutOfRangeError, match="risk_aversion"):
        costs.benefit(weights, targets, covariance, returns, risk_aversion=0.0)
    with pytest.raises(errors.TooLittleHistoryError, match="19 days"):
        costs.benefit(weights, targets, covariance, returns[:19])
    with pytest.raises(errors.ShapeError, match="target_weights"):
        costs.benefit(weights, targets[:, :3], covariance, returns)
    with pytest.raises(errors.OutOfRangeError, match="horizon_days"):
        costs.verdict([0.1], [0.1], False, horizon_days=0.0)
    with pytest.raises(errors.NotFiniteError, match="cost"):
        costs.verdict([np.nan], [0.1], False)


def test_a_rebalance_on_real_prices_can_raise_the_risk(market_directory):
    """Bitcoin risen far above a target full of altcoins: returning is right, and wilder."""
    closes = pd.DataFrame(
        {
            symbol: pd.read_csv(
                market_directory / f"{symbol}.csv", index_col="date", parse_dates=["date"]
            )["close"]
            for symbol in ("BTC", "SOL", "AVAX", "LINK")
        }
    ).loc["2023-12-31":"2024-12-31"]
    returns = closes.pct_change().to_numpy()[1:]
    benefit = costs.benefit(
        [[0.7, 0.1, 0.1, 0.1]], [[0.4, 0.2, 0.2, 0.2]], np.cov(returns.T), returns
    )
    assert benefit.raises_risk[0]
    assert benefit.volatility_change[0] > 0.02
    assert benefit.cvar_change[0] > 0
