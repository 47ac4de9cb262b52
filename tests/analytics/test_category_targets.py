"""Targets of whole categories in the night: judged together, and the mix inside floats."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import PortfolioResult, Suggestion
from analytics.selectors import market, positions
from analytics.services import measurements, nights
from portfolios.models import Asset, AssetCategory
from tests.factories import AssetCategoryFactory, AssetFactory, own_asset


@pytest.fixture
def defi(coins) -> AssetCategory:
    """UNI is in it, and cheaper tokens that nobody holds."""
    category = AssetCategoryFactory(slug="defi", name="DeFi", colour=3)
    Asset.objects.filter(pk=coins["UNI"].pk).update(category=category, cap_rank=20)
    Asset.objects.filter(pk=coins["SOL"].pk).update(category=category, cap_rank=30)
    return category


@pytest.fixture
def aim(hold, defi):
    """aim({"BTC": 5, ...}, {"BTC": "0.6"}, defi="0.4"): a portfolio with a target for DeFi."""

    def make(quantities, targets, *, defi_target, **fields):
        portfolio = hold(quantities, targets, **fields)
        portfolio.target_weights.create(category=defi, weight=Decimal(defi_target))
        return portfolio

    return make


def measured(portfolio) -> PortfolioResult:
    return PortfolioResult.objects.get(portfolio=portfolio)


def by_symbol(row, field, coins) -> dict[str, float]:
    symbols = {asset.pk: symbol for symbol, asset in coins.items()}
    return {
        symbols[pk]: figure
        for pk, figure in zip(row.asset_ids, getattr(row, field), strict=True)
        if pk in symbols
    }


def test_the_target_is_split_as_the_category_is_held(aim, coins, as_of):
    portfolio = aim({"BTC": 6, "UNI": 3, "SOL": 1}, {"BTC": "0.6"}, defi_target="0.4")
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert by_symbol(result, "target_weights", coins) == pytest.approx(
        {"BTC": 0.6, "UNI": 0.3, "SOL": 0.1}
    )
    assert by_symbol(result, "from_category", coins) == {"BTC": False, "UNI": True, "SOL": True}
    assert (result.status, result.worst_drift) == ("in_balance", pytest.approx(0))


def test_a_category_leaves_its_band_as_a_whole(aim, coins, as_of):
    # Each of UNI and SOL is 4 points over its part, inside the band; together they are 8 over.
    portfolio = aim({"BTC": "5.2", "UNI": "2.4", "SOL": "2.4"}, {"BTC": "0.6"}, defi_target="0.4")
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert (result.status, result.worst_drift) == ("in_breach", pytest.approx(0.08))
    trades = by_symbol(Suggestion.objects.get(portfolio=portfolio), "amounts", coins)
    assert trades["UNI"] == pytest.approx(trades["SOL"])
    assert trades["UNI"] < 0 < trades["BTC"]


def test_what_drifts_inside_a_category_is_no_drift(aim, as_of):
    portfolio = aim({"BTC": 6, "UNI": "3.99", "SOL": "0.01"}, {"BTC": "0.6"}, defi_target="0.4")
    nights.run_to_end(as_of=as_of)
    assert measured(portfolio).worst_drift == pytest.approx(0)


def test_trades_leave_the_mix_inside_a_category_as_it_is(aim, coins, as_of):
    held = {"BTC": 2, "UNI": 6, "SOL": 2}
    portfolio = aim(held, {"BTC": "0.6"}, defi_target="0.4", fee_rate="0")
    nights.run_to_end(as_of=as_of)
    trades = by_symbol(Suggestion.objects.get(portfolio=portfolio), "quantities", coins)
    after = {symbol: held[symbol] + trades[symbol] for symbol in held}
    assert after["UNI"] / after["SOL"] == pytest.approx(3)
    assert after["BTC"] / sum(after.values()) == pytest.approx(0.6)


def test_when_nothing_of_it_is_held_its_leading_asset_with_a_price_stands_in(
    aim, defi, coins, as_of
):
    AssetFactory(symbol="RETIRED", category=defi, cap_rank=1, is_active=False)
    AssetFactory(symbol="NOPRICE", category=defi, cap_rank=2)
    portfolio = aim({"BTC": 5, "USD": 500}, {"BTC": "0.5"}, defi_target="0.5")
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert by_symbol(result, "target_weights", coins)["UNI"] == pytest.approx(0.5)
    assert by_symbol(result, "from_category", coins)["UNI"]
    assert result.worst_drift == pytest.approx(0.5)
    assert by_symbol(Suggestion.objects.get(portfolio=portfolio), "amounts", coins)["UNI"] > 0


def test_a_category_without_any_asset_cannot_be_judged(hold, as_of):
    empty = AssetCategoryFactory(slug="empty", name="Empty", colour=9)
    portfolio = hold({"BTC": 5}, {"BTC": "0.5"})
    portfolio.target_weights.create(category=empty, weight=Decimal("0.5"))
    nights.run_to_end(as_of=as_of)
    assert measured(portfolio).status == "unpriced"
    assert not Suggestion.objects.exists()


def test_an_asset_of_one_s_own_belongs_to_its_category(aim, defi, as_of):
    portfolio = aim({"BTC": 6, "UNI": 2}, {"BTC": "0.6"}, defi_target="0.4")
    mine = own_asset(owner=portfolio.owner, category=defi, prices={as_of: 50.0})
    portfolio.holdings.create(asset=mine, quantity=4)
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    targets = dict(zip(result.asset_ids, result.target_weights, strict=True))
    assert targets[mine.pk] == pytest.approx(0.2)
    assert result.worst_drift == pytest.approx(0)


def test_an_asset_that_came_into_the_category_with_a_target_of_its_own_keeps_it(
    aim, defi, coins, as_of
):
    portfolio = aim({"BTC": 6, "UNI": 4}, {"BTC": "0.6"}, defi_target="0.4")
    Asset.objects.filter(pk=coins["BTC"].pk).update(category=defi)
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert by_symbol(result, "from_category", coins) == {"BTC": False, "UNI": True}
    assert result.worst_drift == pytest.approx(0)


def test_with_one_asset_a_category_it_is_as_if_the_asset_had_the_target(aim, hold, coins, as_of):
    held = {"BTC": 7, "UNI": 3}
    whole = aim(held, {"BTC": "0.6"}, defi_target="0.4")
    single = hold(held, {"BTC": "0.6", "UNI": "0.4"})
    nights.run_to_end(as_of=as_of)
    same = ("status", "worst_drift", "value", "target_weights", "asset_ids")
    for field in same:
        assert getattr(measured(whole), field) == getattr(measured(single), field)
    trades = [Suggestion.objects.get(portfolio=each).amounts for each in (whole, single)]
    assert trades[0] == pytest.approx(trades[1])


amounts = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(held=st.lists(amounts, min_size=2, max_size=4))
def test_alone_equals_batched_and_targets_sum_to_one(aim, coins, as_of, held):
    nights.run_to_end(as_of=as_of)
    conditions = market.read(as_of=as_of)
    made = [
        aim(
            {symbol: n for symbol, n in zip(coins, quantities, strict=True) if n},
            {"BTC": "0.3", "USD": "0.1"},
            defi_target="0.6",
        )
        for quantities in held
    ]

    def measure(first, last):
        batch = positions.read(first_id=first.pk, last_id=last.pk, as_of=as_of)
        return measurements.measure(batch, conditions)

    batched = measure(made[0], made[-1])
    np.testing.assert_allclose(batched.targets.weights.sum(axis=1), 1)
    for row, portfolio in enumerate(made):
        alone = measure(portfolio, portfolio)
        np.testing.assert_allclose(alone.worst_drift[0], batched.worst_drift[row], atol=1e-12)
        ids = batched.positions.asset_ids[row]
        columns = np.searchsorted(ids, alone.positions.asset_ids[0])
        for field in ("weights", "from_category"):
            np.testing.assert_allclose(
                getattr(alone.targets, field)[0],
                getattr(batched.targets, field)[row, columns],
                rtol=1e-12,
            )
