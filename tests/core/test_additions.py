"""One more asset: the closed form, the brute force, and what must hold for any portfolio."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from analytics.core import additions, risk
from analytics.core.errors import OutOfRangeError, ZeroVolatilityError


def market(seed, n=6, b=5):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, n)) * 0.02
    return rng.dirichlet(np.ones(n), b), factors @ factors.T + np.diag(rng.uniform(1e-6, 1e-3, n))


def mix(weights, asset, share):
    mixed = weights * (1 - share)
    mixed[asset] += share
    return mixed


def test_two_unrelated_assets_by_hand():
    """20 % and 40 %, unrelated: least at 0.04 / (0.04 + 0.16) = 20 % of the wilder one."""
    daily = np.diag([0.04, 0.16]) / 365
    found = additions.add([[1.0, 0.0]], daily, shares=0.1, most=0.9)
    assert found.correlation[0] == pytest.approx([1, 0])
    assert found.best_shares[0] == pytest.approx([0, 0.2])
    assert found.least_volatility[0, 1] == pytest.approx(np.sqrt(0.032))
    assert found.volatility[0, 1] == pytest.approx(np.sqrt(0.81 * 0.04 + 0.01 * 0.16))
    assert found.effective_bets[0, 1] == pytest.approx((0.9 * 0.2 + 0.1 * 0.4) ** 2 / 0.034)
    assert additions.add([[1.0, 0.0]], daily, shares=0.1, most=0.05).best_shares[0, 1] == 0.05


@pytest.mark.parametrize("seed", range(5))
def test_every_figure_is_that_of_the_portfolio_made_by_hand(seed):
    weights, covariance = market(seed)
    found = additions.add(weights, covariance, shares=0.05, most=0.6)
    for row, held in enumerate(weights):
        for asset in range(len(held)):
            made = mix(held, asset, 0.05)[None]
            spread = risk.diversification(made, covariance)
            volatility = risk.contributions(made, covariance).volatility[0]
            assert found.volatility[row, asset] == pytest.approx(volatility, rel=1e-12)
            assert found.effective_bets[row, asset] == pytest.approx(spread.effective_bets[0])
            searched = minimize_scalar(
                lambda s, held=held, asset=asset: (
                    mix(held, asset, s) @ covariance @ mix(held, asset, s)
                ),
                bounds=(0, 0.6),
                method="bounded",
                options={"xatol": 1e-10},
            )
            assert found.best_shares[row, asset] == pytest.approx(searched.x, abs=1e-5)
            least = np.sqrt(searched.fun * 365)
            assert found.least_volatility[row, asset] <= least * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_mix_of_two_is_the_same_from_its_correlation(seed):
    weights, covariance = market(seed)
    found = additions.add(weights, covariance, shares=0.05, most=0.5)
    own = risk.contributions(weights, covariance).volatility[:, None]
    other = np.sqrt(np.diag(covariance) * 365)
    again = additions.mixed_volatility(own, other, found.correlation, 0.05)
    assert again == pytest.approx(found.volatility, rel=1e-9)


def test_cash_lowers_risk_by_its_share_and_a_copy_by_nothing():
    covariance = np.array([[4e-4, 4e-4, 0], [4e-4, 4e-4, 0], [0, 0, 0]])
    found = additions.add([[1.0, 0, 0]], covariance, shares=0.1, most=0.5)
    before = np.sqrt(4e-4 * 365)
    assert found.volatility[0] == pytest.approx([before, before, 0.9 * before])
    assert found.best_shares[0] == pytest.approx([0, 0, 0.5])
    assert found.correlation[0] == pytest.approx([1, 1, 0])


def test_what_has_no_answer_is_refused():
    with pytest.raises(ZeroVolatilityError, match=r"no risk"):
        additions.add([[0.0, 1.0]], [[4e-4, 0], [0, 0]], shares=0.05, most=0.5)
    with pytest.raises(OutOfRangeError, match="shares"):
        additions.add([[1.0, 0.0]], np.eye(2), shares=1.0, most=0.5)
    with pytest.raises(OutOfRangeError, match="correlation"):
        additions.mixed_volatility(0.2, 0.3, 1.1, 0.05)
