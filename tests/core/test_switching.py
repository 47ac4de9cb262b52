import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.core import backtests, errors, switching

ALL_IN_OR_OUT = [[[0.0], [1.0]]]


def test_a_switch_is_made_the_day_after_its_signal_and_pays_its_fee():
    closes = [[100.0], [100.0], [200.0], [100.0], [100.0]]
    told = switching.run(closes, [0, 1, 1, 0, 0], ALL_IN_OR_OUT, fee_rate=0.1)
    # In at the close of day 2: pays for x at (1 + 0.1) x = 1. Out on day 4 at half the price.
    bought = 1 / 1.1
    np.testing.assert_allclose(told.nav[:, 0], [1, 1, bought, bought / 2, bought / 2 * 0.9])
    assert told.trades.tolist() == [2]
    np.testing.assert_allclose(told.traded, [bought + 1])
    np.testing.assert_allclose(told.cost, [0.1 * bought + 0.1])


def test_the_first_purchase_waits_for_its_signal_too():
    told = switching.run([[1.0], [2.0], [4.0]], [1, 1, 1], ALL_IN_OR_OUT)
    np.testing.assert_allclose(told.nav[:, 0], [1, 1, 2])


def test_a_policy_whose_target_stays_the_same_does_not_trade():
    policies = [[[0.5], [0.5]], [[0.5], [0.2]]]
    told = switching.run([[1.0], [2.0], [3.0], [1.0]], [0, 1, 0, 1], policies, fee_rate=0.01)
    assert told.trades.tolist() == [1, 3]


def test_a_policy_that_rebalances_does_so_when_the_label_changes():
    closes, same = [[1.0], [1.0], [2.0], [2.0], [2.0]], [[[0.5], [0.5]]] * 2
    told = switching.run(closes, [0, 1, 1, 1, 1], same, rebalances=[False, True])
    np.testing.assert_allclose(told.nav[-1], [1.5, 1.5])
    assert told.trades.tolist() == [1, 2]
    np.testing.assert_allclose(told.traded, [0.5, 0.5 + (1.0 / 1.5 - 0.5)])


def walked_one_day_at_a_time(closes, labels, targets, *, always, fee, delay):
    """Units and cash in a plain loop; the cost found by repeated substitution."""
    cash, units, before, of, navs = 1.0, np.zeros(closes.shape[1]), None, None, []
    for day, price in enumerate(closes):
        if day >= delay:
            target = targets[labels[day - delay]]
            changed = of != labels[day - delay] and always
            if before is None or (target != before).any() or changed:
                value, paid = cash + units @ price, 0.0
                for _ in range(200):
                    wanted = target * (value - paid) / price
                    paid = fee * np.abs((wanted - units) * price).sum()
                cash, units = (value - paid) * (1 - target.sum()), wanted
            before, of = target, labels[day - delay]
        navs.append(cash + units @ price)
    return np.array(navs)


@st.composite
def cases(draw):
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_days, n, k, p = (draw(st.integers(1, most)) for most in (15, 3, 3, 3))
    targets = generator.dirichlet(np.ones(n + 1), (p, k))[..., :n].copy()
    targets[generator.random((p, k)) < 0.2] = 0.0
    return (
        generator.lognormal(0, 0.3, (n_days, n)),
        generator.integers(0, k, n_days),
        targets,
        generator.random(p) < 0.5,
        generator.choice([0.0, 0.001, 0.05], p),
    )


@settings(max_examples=60)
@given(cases(), st.integers(1, 2))
def test_every_policy_does_what_a_plain_loop_does(case, delay):
    closes, labels, targets, always, fee = case
    options = {"rebalances": always, "fee_rate": fee}
    told = switching.run(closes, labels, targets, delay=delay, **options)
    for policy in range(len(targets)):
        loop = walked_one_day_at_a_time(
            closes, labels, targets[policy], always=always[policy], fee=fee[policy], delay=delay
        )
        np.testing.assert_allclose(told.nav[:, policy], loop, rtol=1e-10)
    assert (told.nav > 0).all()


@settings(max_examples=30)
@given(cases(), st.integers(1, 15))
def test_later_days_change_nothing(case, length):
    closes, labels, targets, always, fee = case
    options = {"rebalances": always, "fee_rate": fee}
    whole = switching.run(closes, labels, targets, **options)
    then = switching.run(closes[:length], labels[:length], targets, **options)
    np.testing.assert_allclose(then.nav, whole.nav[:length], rtol=1e-13)


def test_one_label_is_buying_and_holding():
    closes = np.random.default_rng(3).lognormal(0, 0.2, (50, 2)).cumprod(axis=0)
    told = switching.run(closes, np.zeros(50, int), [[[0.7, 0.3]]])
    held = backtests.run(closes[1:], [[0.7, 0.3]])
    np.testing.assert_allclose(told.nav[1:], held.nav, rtol=1e-12)


def test_what_is_refused_is_named():
    prices, labels = [[1.0], [2.0]], [0, 1]
    with pytest.raises(errors.OutOfRangeError, match="delay"):
        switching.run(prices, labels, ALL_IN_OR_OUT, delay=0)
    with pytest.raises(errors.NotPositivePriceError, match="row 1"):
        switching.run([[1.0], [0.0]], labels, ALL_IN_OR_OUT)
    with pytest.raises(errors.OutOfRangeError, match="labels.*row 1"):
        switching.run(prices, [0, 2], ALL_IN_OR_OUT)
    with pytest.raises(errors.OutOfRangeError, match="policy 0 for label 1"):
        switching.run(prices, labels, [[[0.0], [1.1]]])
    with pytest.raises(errors.ShapeError, match="targets"):
        switching.run(prices, labels, [[[0.0, 1.0]]])
