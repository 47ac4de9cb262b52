import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.core import breadth, errors

NAN = np.nan
SMALL = {"lookback": 1, "fewest": 1}


def test_the_share_by_hand():
    # Bitcoin rises by 10 %; the alts by 20 %, 10 % (no better), -5 %, and one is not known yet.
    closes = [[1.0, 1.0, 1.0, NAN], [1.2, 1.1, 0.95, 1.0]]
    told = breadth.share_beating(closes, [100.0, 110.0], **SMALL)
    assert np.isnan(told.share[0])
    assert told.share[1] == pytest.approx(1 / 3)
    assert told.counted.tolist() == [0, 3]


def test_too_few_assets_have_a_count_but_no_share():
    closes = [[1.0, 1.0], [2.0, 2.0]]
    told = breadth.share_beating(closes, [1.0, 1.0], lookback=1, fewest=3)
    assert told.counted[1] == 2
    assert np.isnan(told.share[1])


def test_only_the_largest_of_that_day_count():
    closes = [[1.0, 1.0, 1.0], [2.0, 0.5, 0.5], [2.0, 0.5, 0.5]]
    caps = [[9.0, 1.0, 1.0], [9.0, 1.0, 5.0], [1.0, 2.0, 3.0]]
    told = breadth.share_beating(closes, [1.0, 1.0, 1.0], market_caps=caps, largest=2, **SMALL)
    assert told.counted.tolist() == [0, 2, 2]
    assert told.share[1] == 0.5


def test_among_too_many_an_asset_of_unknown_size_is_not_one_of_the_largest():
    closes = [[1.0, 1.0, 1.0], [2.0, 2.0, 0.5]]
    caps = [[NAN] * 3, [NAN, 5.0, 4.0]]
    told = breadth.share_beating(closes, [1.0, 1.0], market_caps=caps, largest=2, **SMALL)
    assert told.share[1] == 0.5
    everybody = breadth.share_beating(closes, [1.0, 1.0], market_caps=caps, largest=3, **SMALL)
    assert everybody.share[1] == pytest.approx(2 / 3)


def test_the_share_equals_plain_pandas_on_real_prices(real_market, real_alts):
    told = breadth.share_beating(real_alts.to_numpy(), real_market.close.to_numpy())
    growth, hurdle = (
        real_alts / real_alts.shift(90),
        real_market.close / real_market.close.shift(90),
    )
    known = growth.notna() & hurdle.notna().to_numpy()[:, None]
    counted = known.sum(axis=1)
    share = (growth.gt(hurdle, axis=0) & known).sum(axis=1) / counted
    np.testing.assert_array_equal(told.counted, counted)
    np.testing.assert_allclose(told.share, share.where(counted >= 10), rtol=1e-12)


@st.composite
def markets(draw):
    seed, n_assets = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 6))
    generator = np.random.default_rng(seed)
    closes = generator.lognormal(0, 1, (12, n_assets))
    caps = generator.integers(1, 4, (12, n_assets)).astype(float)
    closes[generator.random(closes.shape) < 0.2] = np.nan
    caps[generator.random(closes.shape) < 0.3] = np.nan
    return closes, generator.lognormal(0, 1, 12), caps, generator.permutation(n_assets)


@settings(max_examples=50)
@given(markets(), st.integers(1, 6), st.integers(1, 12))
def test_neither_the_order_of_assets_nor_later_days_matter(market, largest, length):
    closes, benchmark, caps, order = market
    options = {"lookback": 3, "fewest": 1, "largest": largest}
    told = breadth.share_beating(closes, benchmark, market_caps=caps, **options)
    other = breadth.share_beating(
        closes[:, order], benchmark, market_caps=caps[:, order], **options
    )
    then = breadth.share_beating(
        closes[:length], benchmark[:length], market_caps=caps[:length], **options
    )
    for name in ("share", "counted"):
        np.testing.assert_array_equal(getattr(told, name), getattr(other, name))
        np.testing.assert_array_equal(getattr(told, name)[:length], getattr(then, name))


def test_what_is_refused_is_named():
    with pytest.raises(errors.NotPositivePriceError, match="closes.*row 1, column 0"):
        breadth.share_beating([[1.0], [0.0]], [1.0, 1.0])
    with pytest.raises(errors.NotPositivePriceError, match="benchmark.*row 0"):
        breadth.share_beating([[1.0], [1.0]], [-1.0, 1.0])
    with pytest.raises(errors.ShapeError, match="market_caps"):
        breadth.share_beating([[1.0], [1.0]], [1.0, 1.0], market_caps=[[1.0]])
    for name in ("lookback", "largest", "fewest"):
        with pytest.raises(errors.OutOfRangeError, match=name):
            breadth.share_beating([[1.0]], [1.0], **{name: 0})
