from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.core import errors, sale_plans
from analytics.core.sale_plans import Lots, Order, TaxRates

DAY = np.datetime64("2024-06-01")
RATES = TaxRates(short_term=0.4, long_term=0.1)
# Of one asset: old and dear, middle and cheap, young and in between; the price is 100.
THREE = Lots([0, 0, 0], [1.0, 2.0, 1.0], [150.0, 20.0, 90.0], [18000, 19000, 19800])


@pytest.mark.parametrize(
    ("order", "sold"),
    [
        (Order.FIFO, [1.0, 0.5, 0.0]),
        (Order.LIFO, [0.0, 0.5, 1.0]),
        (Order.HIFO, [1.0, 0.0, 0.5]),
        (Order.LEAST_TAX, [1.0, 0.0, 0.5]),
        ([2, 0, 1], [0.0, 1.5, 0.0]),
    ],
)
def test_one_and_a_half_units_are_sold_in_order(order, sold):
    plan = sale_plans.plan(THREE, [100.0], [1.5], DAY, order=order, rates=RATES)
    np.testing.assert_allclose(plan.sold, sold)
    np.testing.assert_allclose(plan.gain, np.array(sold) * [-50.0, 80.0, 10.0])


def test_gain_tax_and_holding_period_of_each_lot_by_hand():
    lots = Lots([0, 0], [1.0, 1.0], [60.0, 80.0], np.array(["2023-05-31", "2023-06-02"], "M8[D]"))
    plan = sale_plans.plan(lots, [100.0], [2.0], DAY, rates=RATES, fee_rate=0.01)
    assert plan.holding_days.tolist() == [367, 365]
    assert plan.long_term.tolist() == [True, False]
    np.testing.assert_allclose(plan.gain, [39.0, 19.0])
    np.testing.assert_allclose(plan.tax, [3.9, 7.6])


def test_losses_that_could_be_harvested():
    lots = Lots([0, 0, 1], [1.0, 2.0, 5.0], [150.0, 20.0, 4.0], [19800, 19800, 18000])
    harvest = sale_plans.harvest(lots, [100.0, 3.0], DAY, rates=RATES)
    np.testing.assert_allclose(harvest.sold, [1.0, 0.0, 5.0])
    np.testing.assert_allclose(harvest.gain, [-50.0, 0.0, -5.0])
    np.testing.assert_allclose(harvest.tax, [-20.0, 0.0, -0.5])


@st.composite
def tables(draw, most=6):
    size = draw(st.integers(1, most))
    numbers = st.lists(st.floats(0.01, 100), min_size=size, max_size=size)
    days = st.lists(st.integers(19_000, 19_875), min_size=size, max_size=size)
    quantity = np.array(draw(numbers))
    lots = Lots(np.zeros(size, int), quantity, draw(numbers), draw(days))
    return lots, draw(st.floats(0, 1)) * quantity.sum(), draw(st.floats(0.01, 100))


@given(tables(most=5))
def test_no_order_of_lots_is_taxed_less_than_the_least(table):
    lots, quantity, price = table
    least = sale_plans.plan(
        lots, [price], [quantity], DAY, order=Order.LEAST_TAX, rates=RATES
    ).tax.sum()
    taxes = [
        sale_plans.plan(lots, [price], [quantity], DAY, order=rank, rates=RATES).tax.sum()
        for rank in permutations(range(len(lots.quantity)))
    ]
    assert least == pytest.approx(min(taxes), rel=1e-9, abs=1e-9)


@given(tables(), st.sampled_from(Order))
def test_a_plan_sells_what_was_asked_and_no_lot_twice(table, order):
    lots, quantity, price = table
    plan = sale_plans.plan(lots, [price], [quantity], DAY, order=order, rates=RATES)
    assert ((plan.sold >= 0) & (plan.sold <= lots.quantity)).all()
    assert plan.sold.sum() == pytest.approx(quantity, rel=1e-9, abs=1e-12)
    # Only the last lot of the queue is sold in part.
    assert ((plan.sold > 0) & (plan.sold < lots.quantity)).sum() <= 1
    assert np.isfinite(plan.tax).all()


def queue_by_hand(quantities, keys, wanted):
    """Walk the lots one by one, as a person with a pencil would."""
    sold = [0.0] * len(quantities)
    for lot in sorted(range(len(quantities)), key=lambda i: keys[i]):
        sold[lot] = min(wanted, quantities[lot])
        wanted -= sold[lot]
    return sold


@given(tables())
def test_the_queues_are_those_of_a_pencil(table):
    lots, quantity, price = table
    keys = {
        Order.FIFO: [(day, i) for i, day in enumerate(lots.acquired)],
        Order.LIFO: [(-day, -i) for i, day in enumerate(lots.acquired)],
        Order.HIFO: [
            (-cost, day, i)
            for i, (cost, day) in enumerate(zip(lots.unit_cost, lots.acquired, strict=True))
        ],
    }
    for order, key in keys.items():
        plan = sale_plans.plan(lots, [price], [quantity], DAY, order=order)
        by_hand = queue_by_hand(lots.quantity, key, quantity)
        np.testing.assert_allclose(plan.sold, by_hand, atol=1e-9)


def test_assets_do_not_see_each_other():
    generator = np.random.default_rng(2)
    asset, quantity = generator.integers(0, 3, 30), generator.lognormal(0, 1, 30)
    unit_cost, acquired = generator.lognormal(3, 1, 30), generator.integers(19_000, 19_800, 30)
    closes, wanted = [10.0, 20.0, 30.0], 0.6 * np.bincount(asset, quantity, 3)
    options = {"order": Order.LEAST_TAX, "rates": RATES}
    lots = Lots(asset, quantity, unit_cost, acquired)
    together = sale_plans.plan(lots, closes, wanted, DAY, **options)
    for one in range(3):
        of = asset == one
        alone = Lots(np.zeros(of.sum(), int), quantity[of], unit_cost[of], acquired[of])
        apart = sale_plans.plan(alone, closes[one : one + 1], wanted[one : one + 1], DAY, **options)
        np.testing.assert_array_equal(apart.sold, together.sold[of])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"quantities": [1.1]}, errors.NotEnoughToSellError, "column 0"),
        ({"quantities": [-1.0]}, errors.NegativeQuantityError, "column 0"),
        ({"closes": [0.0]}, errors.NotPositivePriceError, "column 0"),
        ({"closes": [np.nan]}, errors.NotFiniteError, "closes"),
        ({"day": 10}, errors.OutOfRangeError, "acquired.*row 0"),
        ({"fee_rate": 1.0}, errors.OutOfRangeError, "fee_rate"),
        ({"order": [0, 1]}, errors.ShapeError, "order"),
        ({"rates": TaxRates(short_term=1.5)}, errors.OutOfRangeError, "short_term"),
        ({"lots": Lots([1], [1], [1], [11])}, errors.OutOfRangeError, "asset.*row 0"),
        ({"lots": Lots([0], [-1], [1], [11])}, errors.NegativeQuantityError, "row 0"),
        ({"lots": Lots([0], [1], [-1], [11])}, errors.OutOfRangeError, "unit_cost.*row 0"),
        ({"lots": Lots([0], [1], [1, 2], [11])}, errors.ShapeError, "unit_cost"),
        ({"lots": Lots([0], [1], [1], [11, 12])}, errors.ShapeError, "acquired"),
    ],
)
def test_unusable_sales_are_refused_by_name(changed, error, message):
    usable = {"lots": Lots([0], [1.0], [1.0], [11]), "closes": [1], "quantities": [1], "day": 11}
    with pytest.raises(error, match=message):
        sale_plans.plan(**(usable | changed))
