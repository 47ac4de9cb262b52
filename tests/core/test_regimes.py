import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.core import breadth, errors, regimes
from analytics.core import regime_signals as signals
from analytics.core.regimes import Label
from tests.core.notebook import notebook

NAN = np.nan
COLUMNS = {"close": "closes", "high": "highs", "low": "lows", "volume": "volumes"}


def observe(market: pd.DataFrame, alts: pd.DataFrame) -> signals.Observations:
    columns = {COLUMNS.get(name, name): series.to_numpy() for name, series in market.items()}
    share = breadth.share_beating(alts.to_numpy(), columns["closes"]).share
    return signals.observations(**columns, alt_share=share)


@pytest.fixture(scope="session")
def history(real_market, real_alts) -> regimes.Regimes:
    return regimes.read(observe(real_market, real_alts))


@pytest.fixture(scope="session")
def labels(history, real_market) -> pd.Series:
    """The label of each day from the first on which the trend was known."""
    told = pd.Series([Label(label) for label in history.labels], real_market.index)
    return told[history.available[0]]


def judged(*, n_days=3, **figures):
    """Regimes of days on which these signals have these figures, and all others none."""
    values = np.full((len(signals.SIGNALS), n_days), NAN)
    ranks = values.copy()
    for name, series in figures.items():
        row = signals.NAMES.index(name)
        (ranks if signals.SIGNALS[row].by_percentile else values)[row] = series
    return regimes.judge(values, ranks, confirmation_days=1)


def label(**figures):
    return Label(judged(**figures).labels[-1])


UP, DOWN = {"trend": 0.1, "drawdown": 0.0}, {"trend": -0.1, "drawdown": -0.3}


# The rules, by hand


def test_without_a_trend_the_regime_is_unknown_rather_than_neutral():
    assert label() == Label.UNKNOWN
    assert label(drawdown=-0.5, realised_volatility=0.5) == Label.UNKNOWN
    assert label(realised_volatility=0.95) == Label.HIGH_VOLATILITY


def test_each_label_has_its_rule():
    assert label(**UP) == Label.BULL
    assert label(**DOWN) == Label.BEAR
    assert label(trend=-0.1, drawdown=-0.05) == Label.NEUTRAL  # down, but near the peak
    assert label(trend=0.0, drawdown=-0.3) == Label.NEUTRAL
    assert label(**UP, alt_share=0.75) == Label.ALTSEASON


def test_the_higher_of_two_rules_that_hold_decides():
    assert label(**DOWN, alt_share=0.9) == Label.BEAR
    assert label(**DOWN, alt_share=0.9, realised_volatility=0.95) == Label.HIGH_VOLATILITY
    assert label(**UP, alt_share=0.9, realised_volatility=0.95) == Label.HIGH_VOLATILITY


def test_an_altseason_needs_a_falling_dominance_where_it_is_known():
    assert label(**UP, alt_share=0.8, dominance_change=-0.02) == Label.ALTSEASON
    assert label(**UP, alt_share=0.8, dominance_change=0.001) == Label.BULL
    assert label(**UP, alt_share=0.8, dominance_change=0.02) == Label.BULL


def test_evidence_that_does_not_decide_never_changes_the_label():
    others = {s.name: value for s in signals.SIGNALS if not s.decides for value in (0.99,)}
    assert label(**UP, **others) == Label.BULL
    assert label(**others) == Label.UNKNOWN


def test_a_missing_signal_is_unavailable_and_not_zero():
    told = judged(**UP)
    available = {n for n, known in zip(signals.NAMES, told.available[:, -1], strict=True) if known}
    assert available == {"trend", "drawdown"}
    assert (told.states[~told.available] == 0).all()
    assert np.isnan(told.values[~told.available]).all()


def test_the_days_of_a_label_are_counted():
    told = judged(n_days=5, trend=[0.1, 0.1, -0.1, -0.1, -0.1], drawdown=-0.3)
    assert told.days.tolist() == [1, 2, 1, 2, 3]


def test_the_label_waits_for_the_confirmation():
    values = np.full((len(signals.SIGNALS), 6), NAN)
    values[signals.NAMES.index("trend")] = [0.1] * 3 + [-0.1] * 3
    values[signals.NAMES.index("drawdown")] = -0.3
    told = regimes.judge(values, np.full_like(values, NAN))
    wanted = [Label.NEUTRAL, Label.NEUTRAL, Label.BULL, Label.BULL, Label.BULL, Label.BEAR]
    assert told.labels.tolist() == wanted


# What METHODS.md expects of the real history


def test_crashes_are_highly_volatile(labels):
    high = labels == Label.HIGH_VOLATILITY
    assert high["2020-03-12":"2020-03-31"].mean() >= 0.75
    assert high["2022-06-14":"2022-06-30"].mean() >= 0.60


def test_bull_and_bear_markets_are_found(labels, history, real_market):
    trend = pd.Series(history.states[0], real_market.index)
    assert labels["2023-11":"2024-03"].mode().tolist() == [Label.BULL]
    assert (trend["2023-11":"2024-03"] == 1).mean() >= 0.9
    assert (trend["2018-03":"2018-12"] == -1).mean() >= 0.8
    assert (trend["2022-06":"2022-12"] == -1).mean() >= 0.8


def test_the_label_changes_fewer_than_fifteen_times_a_year(labels):
    assert labels.ne(labels.shift()).iloc[1:].sum() / (len(labels) / 365) < 15
    recent = labels["2018":]  # with dominance and alts
    assert recent.ne(recent.shift()).iloc[1:].sum() / (len(recent) / 365) < 15
    assert set(recent) == set(Label) - {Label.UNKNOWN}


def test_no_episode_of_high_volatility_is_shorter_than_a_fortnight(history, real_market):
    row = signals.NAMES.index("realised_volatility")
    high = pd.Series(history.states[row], real_market.index)[history.available[row]]["2012":] == 1
    episodes = high.groupby(high.ne(high.shift()).cumsum()).agg(["first", "size"])
    assert episodes.query("first")["size"].min() >= 14
    assert 0.05 < high.mean() < 0.25


# History is never repainted


def test_every_single_day_is_labelled_from_the_days_before_it(history):
    """Somebody who never sees a later day writes the same states, labels and counts."""
    states, known = {}, {}
    for row, signal in enumerate(signals.SIGNALS):
        judged_by = history.percentiles if signal.by_percentile else history.values
        series = judged_by[row].tolist()
        states[signal.name] = notebook(
            series, signal.thresholds, confirmation_days=3, memory_days=7
        )
        known[signal.name] = [not np.isnan(figure) for figure in series]
        np.testing.assert_array_equal(states[signal.name], history.states[row], signal.name)
    label, days = None, 0
    for day, told in enumerate(history.labels.tolist()):
        now = {name: series[day] for name, series in states.items()}
        falling = now["dominance_change"] == -1 or not known["dominance_change"][day]
        if now["realised_volatility"] == 1:
            wanted = Label.HIGH_VOLATILITY
        elif now["trend"] == -1 and now["drawdown"] == -1:
            wanted = Label.BEAR
        elif now["alt_share"] == 1 and falling:
            wanted = Label.ALTSEASON
        elif now["trend"] == 1:
            wanted = Label.BULL
        else:
            wanted = Label.NEUTRAL if known["trend"][day] else Label.UNKNOWN
        label, days = wanted, days + 1 if wanted == label else 1
        assert (told, history.days[day]) == (label, days)


def test_every_single_percentile_is_counted_among_the_days_before_it(history):
    for row, signal in enumerate(signals.SIGNALS):
        series = history.values[row]
        for day in np.flatnonzero(~np.isnan(series)):
            before = series[max(0, day - signals.LOOKBACK_DAYS + 1) : day]
            others = np.count_nonzero(~np.isnan(before))
            told = history.percentiles[row, day]
            if others + 1 < signal.fewest_ranked:
                assert np.isnan(told)
            else:
                assert told == np.count_nonzero(before < series[day]) / others


def test_the_judgement_of_a_prefix_is_that_of_the_whole(history):
    for length in range(1, len(history.labels) + 1, 37):
        then = regimes.judge(history.values[:, :length], history.percentiles[:, :length])
        np.testing.assert_array_equal(then.labels, history.labels[:length])
        np.testing.assert_array_equal(then.days, history.days[:length])


def test_whole_prefixes_are_told_as_they_were_then(history, real_market, real_alts):
    crash = range(real_market.index.get_loc("2020-03-08"), real_market.index.get_loc("2020-03-18"))
    for length in [*range(1, len(real_market), 199), *crash]:
        then = regimes.read(observe(real_market[:length], real_alts[:length]))
        for name in ("labels", "days", "values", "percentiles", "states", "available"):
            now = getattr(history, name)[..., :length]
            np.testing.assert_array_equal(getattr(then, name), now, err_msg=f"{name} {length}")


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
def test_a_label_never_changes_with_later_data(seed, length):
    generator = np.random.default_rng(seed)
    steps = generator.normal(0, generator.choice([0.01, 0.08], 700))
    closes = 100 * np.exp(np.cumsum(steps))
    observed = {"closes": closes, "alt_share": generator.random(700)}
    observed["alt_share"][generator.random(700) < 0.1] = NAN
    whole = regimes.read(signals.observations(**observed))
    prefix = {name: series[:length] for name, series in observed.items()}
    then = regimes.read(signals.observations(**prefix))
    np.testing.assert_array_equal(then.labels, whole.labels[:length])
    np.testing.assert_array_equal(then.states, whole.states[:, :length])


# Refusals


def test_figures_of_another_shape_or_infinite_are_refused():
    shape = (len(signals.SIGNALS), 4)
    with pytest.raises(errors.ShapeError, match="values"):
        regimes.judge(np.ones((2, 4)), np.ones((2, 4)))
    with pytest.raises(errors.ShapeError, match="percentiles"):
        regimes.judge(np.ones(shape), np.ones((shape[0], 3)))
    with pytest.raises(errors.NotFiniteError, match="values"):
        regimes.judge(np.full(shape, np.inf), np.ones(shape))
