import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from analytics.core import errors, risk, weight_paths

COVARIANCE = np.diag([0.04, 0.09, 0.0]) ** 2  # the last is cash
GRID = np.linspace(0, 1, 11)


@st.composite
def cases(draw):
    n = draw(st.integers(2, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factors = rng.standard_normal((n, n + 2)) + draw(st.floats(-1, 2))
    return rng.dirichlet(np.ones(n), 3), 1e-3 * factors @ factors.T, draw(st.integers(0, n - 1))


def moved(weights, asset, share):
    """The same by hand: the asset has its share, the others what is left, in proportion."""
    others = np.delete(weights, asset)
    return np.insert(others / others.sum() * (1 - share), asset, share)


@given(cases())
def test_each_point_is_the_portfolio_with_that_weight(case):
    weights, covariance, asset = case
    path = weight_paths.along_weight(weights, covariance, asset, GRID)
    for row, held in enumerate(weights):
        along = np.array([moved(held, asset, share) for share in GRID])
        split = risk.contributions(along, covariance)
        np.testing.assert_allclose(path.volatility[row], split.volatility, rtol=1e-9)
        np.testing.assert_allclose(
            path.effective_bets[row], risk.diversification(along, covariance).effective_bets,
            rtol=1e-8,
        )  # fmt: skip
        np.testing.assert_allclose(
            path.risk_share[row], split.contributions[:, asset] / split.volatility, atol=1e-9
        )


@given(cases())
def test_the_calmest_weight_is_that_of_a_line_search(case):
    weights, covariance, asset = case

    def volatility(share):
        return weight_paths.along_weight(weights[:1], covariance, asset, [share]).volatility[0, 0]

    found = weight_paths.along_weight(weights[:1], covariance, asset, GRID)
    searched = minimize_scalar(volatility, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
    at = found.calmest_weight[0]
    assert 0 <= at <= 1
    assert volatility(at) <= searched.fun * (1 + 1e-9)
    assert volatility(at) <= found.volatility.min() * (1 + 1e-9)


def test_two_independent_assets_by_hand():
    path = weight_paths.along_weight([[0.5, 0.5, 0.0]], COVARIANCE, 0, [0.0, 0.5, 1.0])
    daily = np.array([0.09, np.hypot(0.02, 0.045), 0.04])
    np.testing.assert_allclose(path.volatility[0], daily * np.sqrt(365))
    np.testing.assert_allclose(path.effective_bets[0], [1.0, (0.065 / daily[1]) ** 2, 1.0])
    np.testing.assert_allclose(path.risk_share[0], [0.0, (0.02 / daily[1]) ** 2, 1.0], atol=1e-15)
    np.testing.assert_allclose(path.calmest_weight, [0.09**2 / (0.04**2 + 0.09**2)])


def test_cash_keeps_its_share_of_the_rest():
    path = weight_paths.along_weight([[0.5, 0.25, 0.25]], COVARIANCE, 0, [0.0])
    np.testing.assert_allclose(path.volatility, [[0.045 * np.sqrt(365)]])


def test_what_has_been_held_before_does_not_matter():
    weights = [[0.9, 0.06, 0.04], [0.0, 0.6, 0.4]]
    path = weight_paths.along_weight(weights, COVARIANCE, 0, GRID)
    np.testing.assert_allclose(path.volatility[0], path.volatility[1])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"weights": [[0.5, 0.5, 0], [1, 0, 0]]}, errors.TooFewHoldingsError, "row 1"),
        ({"weights": [[0.5, 0, 0.5]]}, errors.ZeroVolatilityError, "row 0, column 0"),
        ({"asset": 3}, errors.OutOfRangeError, "asset is 3"),
        ({"asset_weights": [0, 1.1]}, errors.OutOfRangeError, "asset_weights.*row 1"),
        ({"weights": [[0.5, 0.4, 0]]}, errors.WeightsSumError, "row 0"),
        ({"weights": [[1.5, -0.5, 0]]}, errors.NegativeWeightError, "row 0, column 1"),
        ({"weights": [[0.5, np.nan, 0.5]]}, errors.NotFiniteError, "row 0, column 1"),
        ({"covariance": np.eye(2)}, errors.ShapeError, "covariance"),
        (
            {"covariance": [[1, 2, 0], [2, 1, 0], [0, 0, 0]]},
            errors.NotPositiveSemidefiniteError,
            "columns 0, 1",
        ),
    ],
)
def test_paths_that_cannot_be_are_refused_by_name(changed, error, message):
    usable = {"weights": [[0.5, 0.5, 0.0]], "covariance": COVARIANCE, "asset": 0}
    with pytest.raises(error, match=message):
        weight_paths.along_weight(**usable | {"asset_weights": GRID} | changed)
