"""The volatility cone: pandas as oracle, gaps, too little history, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from analytics.core import volatility_cones
from analytics.core.errors import NotPositivePriceError, OutOfRangeError

HORIZONS = (7, 30, 90)


@pytest.fixture
def closes() -> np.ndarray:
    generator = np.random.default_rng(11)
    return 100 * np.exp(np.cumsum(generator.standard_t(4, 900) * 0.03))


def test_it_is_what_pandas_says_of_the_windows_that_end_within_the_lookback(closes) -> None:
    cone = volatility_cones.measure(closes, horizons=HORIZONS, lookback=400)
    returns = pd.Series(np.log(closes)).diff()
    for place, horizon in enumerate(HORIZONS):
        series = (returns.rolling(horizon).std() * np.sqrt(365)).iloc[-400:]
        assert cone.now[place] == pytest.approx(series.iloc[-1])
        assert cone.median[place] == pytest.approx(series.median())
        assert cone.lower_quartile[place] == pytest.approx(series.quantile(0.25))
        assert cone.upper_quartile[place] == pytest.approx(series.quantile(0.75))
        assert (cone.lowest[place], cone.highest[place]) == pytest.approx(
            (series.min(), series.max())
        )
        assert cone.percentile[place] == pytest.approx((series.iloc[:-1] < series.iloc[-1]).mean())
        assert cone.windows[place] == 400


def test_the_scale_of_prices_does_not_matter(closes) -> None:
    one = volatility_cones.measure(closes, horizons=HORIZONS)
    other = volatility_cones.measure(closes * 1e-6, horizons=HORIZONS)
    np.testing.assert_allclose(one.median, other.median)


def test_a_missing_day_leaves_its_windows_out(closes) -> None:
    closes[-20] = np.nan
    cone = volatility_cones.measure(closes, horizons=HORIZONS, lookback=100)
    assert np.isnan(cone.now[1:]).all()
    assert np.isnan(cone.percentile[1:]).all()
    assert np.isfinite(cone.now[0])
    assert cone.windows.tolist() == [100 - 8, 100 - 20, 100 - 20]


def test_too_few_windows_give_no_range() -> None:
    closes = np.linspace(1, 2, 40) ** np.where(np.arange(40) % 2, 1, 1.1)
    cone = volatility_cones.measure(closes, horizons=(7, 30))
    assert np.isfinite(cone.now).all()
    assert np.isfinite(cone.median[0])
    assert np.isnan(cone.median[1])
    assert cone.windows.tolist() == [33, 10]


def test_what_is_refused() -> None:
    with pytest.raises(NotPositivePriceError):
        volatility_cones.measure([1.0, 0.0], horizons=(7,))
    with pytest.raises(OutOfRangeError, match="lookback is 0"):
        volatility_cones.measure([1.0, 2.0], horizons=(7,), lookback=0)
    with pytest.raises(OutOfRangeError, match="window is 1"):
        volatility_cones.measure([1.0, 2.0], horizons=(1,))
