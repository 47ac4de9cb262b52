"""Tokens that replaced others: what moves along, and that all of it comes back."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portfolios.market_data.candles import Candle
from portfolios.models import (
    Asset,
    DailyPrice,
    Holding,
    MigratedAmount,
    ModelPortfolioLine,
    Portfolio,
    PositionRule,
    TargetWeight,
    TokenMigration,
)
from portfolios.selectors import ledger, prices
from portfolios.services import catalogue, holdings, price_staging, token_migrations
from portfolios.services.errors import TokenMigrationError
from portfolios.services.quantities import TOO_LARGE
from tests.factories import (
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
)
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory

TODAY = date(2025, 1, 1)


def prepare(old_units: str = "1", new_units: str = "24000", **fields: Any) -> TokenMigration:
    fields.setdefault("old_asset", AssetFactory(symbol="OLD"))
    fields.setdefault("new_asset", AssetFactory(symbol="NEW"))
    fields.setdefault("effective_on", TODAY)
    return TokenMigration.objects.create(
        old_units=Decimal(old_units), new_units=Decimal(new_units), **fields
    )


def apply(migration: TokenMigration) -> token_migrations.MigrationReport:
    return token_migrations.apply(migration=migration, today=TODAY)


def facts() -> dict[str, list[Any]]:
    """Everything a migration may touch, but for the revisions and its own state."""
    return {
        model.__name__: sorted(model._default_manager.values_list(), key=repr)
        for model in (Holding, TargetWeight, ModelPortfolioLine, DailyPrice, Asset)
    }


@pytest.fixture(autouse=True)
def _ledgers_and_holdings_agree(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does: what is held at its end is what the ledgers add up to."""
    yield
    if "db" in request.fixturenames:
        assert ledger.differences() == []


def quantities(portfolio: Portfolio) -> dict[str, Decimal]:
    return dict(portfolio.holdings.values_list("asset__symbol", "quantity"))


def weights(portfolio: Portfolio) -> dict[str, Decimal]:
    return dict(portfolio.target_weights.values_list("asset__symbol", "weight"))


@pytest.mark.django_db
def test_one_maker_becomes_24000_sky_and_the_portfolio_counts_a_change() -> None:
    migration = prepare()
    portfolio = HoldingFactory(asset=migration.old_asset, quantity=Decimal("1.5")).portfolio
    bystander = HoldingFactory(asset=migration.new_asset).portfolio
    report = apply(migration)
    assert quantities(portfolio) == {"NEW": Decimal(36000)}
    assert (report.portfolios, report.left_alone) == (1, 0)
    for row, revision in ((portfolio, 2), (bystander, 1)):
        row.refresh_from_db()
        assert row.revision == revision


@pytest.mark.django_db
def test_what_is_said_of_the_old_token_holds_for_the_new_one() -> None:
    migration = prepare()
    ruled, decided = (HoldingFactory(asset=migration.old_asset).portfolio for _ in range(2))
    never, alone = PositionRule.Trading.NEVER_SOLD, PositionRule.Trading.LEFT_ALONE
    for portfolio in (ruled, decided):
        portfolio.rules.create(asset=migration.old_asset, band=Decimal("0.03"), trading=never)
    decided.rules.create(asset=migration.new_asset, trading=alone)
    before = set(PositionRule.objects.values_list("portfolio", "asset", "band", "trading"))
    apply(migration)
    assert ruled.rules.get(asset=migration.new_asset).trading == never
    assert ruled.rules.get(asset=migration.new_asset).band == Decimal("0.03")
    assert decided.rules.get(asset=migration.new_asset).trading == alone
    token_migrations.reverse(migration=migration)
    after = set(PositionRule.objects.values_list("portfolio", "asset", "band", "trading"))
    assert after == before


@pytest.mark.django_db
def test_what_joins_the_new_token_is_added_to_it() -> None:
    migration = prepare(new_units="1")
    portfolio = PortfolioFactory()
    for asset, quantity, weight in (
        (migration.old_asset, "10", "0.3"),
        (migration.new_asset, "5", "0.2"),
    ):
        HoldingFactory(portfolio=portfolio, asset=asset, quantity=Decimal(quantity))
        TargetWeightFactory(portfolio=portfolio, asset=asset, weight=Decimal(weight))
    apply(migration)
    assert quantities(portfolio) == {"NEW": Decimal(15)}
    assert weights(portfolio) == {"NEW": Decimal("0.5")}


@pytest.mark.django_db
def test_quantities_are_rounded_down_to_the_smallest_unit() -> None:
    migration = prepare(old_units="3", new_units="1")
    portfolio = HoldingFactory(asset=migration.old_asset, quantity=Decimal(2)).portfolio
    apply(migration)
    assert quantities(portfolio) == {"NEW": Decimal("0.666666666666666666")}
    token_migrations.reverse(migration=migration)
    assert quantities(portfolio) == {"OLD": Decimal(2)}


@pytest.mark.django_db
def test_a_balance_of_more_than_28_digits_keeps_its_last_one() -> None:
    migration = prepare(new_units="1")
    quantity = Decimal("10000000000.000000000000000001")
    portfolio = HoldingFactory(asset=migration.old_asset, quantity=quantity).portfolio
    HoldingFactory(portfolio=portfolio, asset=migration.new_asset, quantity=quantity)
    before = facts()
    apply(migration)
    assert quantities(portfolio) == {"NEW": Decimal("20000000000.000000000000000002")}
    token_migrations.reverse(migration=migration)
    assert facts() == before


@pytest.mark.django_db
def test_the_old_token_is_superseded_and_comes_back_when_reversed() -> None:
    migration = prepare()
    apply(migration)
    migration.old_asset.refresh_from_db()
    migration.refresh_from_db()
    assert not migration.old_asset.is_active
    assert migration.state == "applied"
    assert migration.applied_at is not None
    token_migrations.reverse(migration=migration)
    migration.old_asset.refresh_from_db()
    migration.refresh_from_db()
    assert migration.old_asset.is_active
    assert (migration.state, migration.applied_at) == ("prepared", None)


@pytest.mark.django_db
def test_lines_of_model_portfolios_move_along_and_keep_their_place() -> None:
    migration = prepare()
    model = ModelPortfolioFactory()
    for position, asset in enumerate((migration.old_asset, migration.new_asset), start=1):
        ModelPortfolioLineFactory(model_portfolio=model, asset=asset, position=position)
    before = facts()
    assert apply(migration).model_portfolios == 1
    assert [(line.asset.symbol, line.weight) for line in model.lines.all()] == [("NEW", 1)]
    token_migrations.reverse(migration=migration)
    assert facts() == before


@pytest.mark.django_db
def test_applying_twice_changes_nothing() -> None:
    migration = prepare()
    portfolio = HoldingFactory(asset=migration.old_asset).portfolio
    DailyPriceFactory(asset=migration.old_asset)
    apply(migration)
    before = facts()
    assert apply(migration) == token_migrations.MigrationReport(0, 0, 0)
    assert facts() == before
    portfolio.refresh_from_db()
    assert portfolio.revision == 2


@pytest.mark.django_db
def test_applying_again_moves_what_came_to_the_old_token_since() -> None:
    migration = prepare()
    portfolio = HoldingFactory(asset=migration.old_asset).portfolio
    apply(migration)
    HoldingFactory(portfolio=portfolio, asset=migration.old_asset, quantity=Decimal(2))
    assert apply(migration).portfolios == 1
    assert quantities(portfolio) == {"NEW": Decimal(72000)}
    token_migrations.reverse(migration=migration)
    assert quantities(portfolio) == {"OLD": Decimal(3)}


@pytest.mark.django_db
def test_what_an_owner_bought_since_stays_and_what_they_sold_does_not_come_back() -> None:
    migration = prepare(new_units="2")
    bought, sold, emptied = (
        HoldingFactory(asset=migration.old_asset, quantity=Decimal(10)).portfolio for _ in range(3)
    )
    apply(migration)
    for portfolio, quantity in ((bought, 25), (sold, 5)):
        holdings.save(portfolio=portfolio, asset=migration.new_asset, quantity=Decimal(quantity))
    holdings.remove(portfolio=emptied, asset=migration.new_asset)
    token_migrations.reverse(migration=migration)
    assert quantities(bought) == {"OLD": Decimal(10), "NEW": Decimal(5)}
    assert quantities(sold) == {"OLD": Decimal("2.5")}
    assert quantities(emptied) == {}


@pytest.mark.django_db
def test_a_balance_that_would_grow_beyond_all_bounds_is_left_alone() -> None:
    migration = prepare()
    whale = HoldingFactory(asset=migration.old_asset, quantity=Decimal(10) ** 19).portfolio
    other = HoldingFactory(asset=migration.old_asset).portfolio
    report = apply(migration)
    assert report.left_alone == 1
    assert quantities(whale) == {"OLD": Decimal(10) ** 19}
    assert quantities(other) == {"NEW": Decimal(24000)}


@pytest.mark.django_db
def test_the_new_token_s_history_continues_the_old_one_s_until_its_own_first_price() -> None:
    migration = prepare(new_units="10")
    for day, close in enumerate((1000.0, 1100.0, 1200.0)):
        DailyPriceFactory(
            asset=migration.old_asset, date=TODAY + timedelta(days=day), close=close, volume=7.0
        )
    DailyPriceFactory(asset=migration.new_asset, date=TODAY + timedelta(days=2), close=121.0)
    before = facts()
    apply(migration)
    panel = prices.close_panel(end=TODAY + timedelta(days=2), days=3)
    assert panel[migration.new_asset_id].tolist() == [100.0, 110.0, 121.0]
    copied = migration.new_asset.daily_prices.get(date=TODAY)
    assert (copied.low, copied.volume, copied.migration_id) == (100.0, 70.0, migration.pk)
    token_migrations.reverse(migration=migration)
    assert facts() == before


@pytest.mark.django_db
def test_a_measured_price_takes_a_copied_one_s_place_for_good() -> None:
    migration = prepare(new_units="1")
    DailyPriceFactory(asset=migration.old_asset, date=TODAY, close=5.0)
    apply(migration)
    candle = Candle(TODAY, 5.0, 5.0, 5.0, 5.0, None, None)
    price_staging.store([(migration.new_asset_id, candle)])
    token_migrations.reverse(migration=migration)
    assert migration.new_asset.daily_prices.get().close == 5.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arrange", "sentence"),
    [
        (lambda row: setattr(row, "effective_on", date(2025, 1, 2)), "takes effect on 2025-01-02"),
        (lambda row: Asset.objects.filter(pk=row.new_asset_id).update(is_active=False), "Activate"),
        (
            lambda row: apply(prepare(old_asset=row.old_asset, new_asset=AssetFactory())),
            "is applied already. Reverse it first.",
        ),
    ],
)
def test_a_migration_that_cannot_be_applied_now_says_why_and_changes_nothing(
    arrange: Any, sentence: str
) -> None:
    migration = prepare()
    arrange(migration)
    migration.save()
    HoldingFactory(asset=migration.old_asset)
    before = facts()
    with pytest.raises(TokenMigrationError, match=sentence):
        apply(migration)
    assert facts() == before


@pytest.mark.django_db
def test_a_chain_is_reversed_from_its_end() -> None:
    first = prepare()
    second = prepare(old_asset=first.new_asset, new_asset=AssetFactory(symbol="NEWEST"))
    portfolio = HoldingFactory(asset=first.old_asset).portfolio
    before = facts()
    apply(first)
    apply(second)
    with pytest.raises(TokenMigrationError, match="first"):
        token_migrations.reverse(migration=first)
    assert quantities(portfolio) == {"NEWEST": Decimal(24000) ** 2}
    token_migrations.reverse(migration=second)
    token_migrations.reverse(migration=first)
    assert facts() == before


@pytest.mark.django_db
def test_the_catalogue_prepares_polygon_and_maker_and_applies_neither() -> None:
    catalogue.load()
    assert {str(row) for row in TokenMigration.objects.all()} == {
        "1 MATIC → 1 POL",
        "1 MKR → 24,000 SKY",
    }
    assert set(TokenMigration.objects.values_list("state", flat=True)) == {"prepared"}


amounts = st.decimals(Decimal("1e-18"), Decimal("1e14"), places=18)
units = st.decimals(Decimal("1e-6"), Decimal("1e5"), places=6)
fractions = st.decimals(Decimal("1e-9"), Decimal("0.5"), places=9)


def in_new_units(quantity: Decimal, migration: TokenMigration) -> Decimal:
    """By Python's decimals, rounded down to the smallest unit."""
    with localcontext(prec=100, rounding=ROUND_DOWN):
        new = quantity * migration.new_units / migration.old_units
        return new.quantize(Decimal("1e-18"))


class ReversingRestoresEverything(TestCase):
    @example_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        old_units=units,
        new_units=units,
        places=st.lists(
            st.tuples(
                st.none() | amounts,
                st.none() | amounts,
                st.none() | fractions,
                st.none() | fractions,
            ),
            max_size=4,
        ),
    )
    def test_applying_and_reversing_restores_every_fact_exactly(
        self, old_units: Decimal, new_units: Decimal, places: list[Any]
    ) -> None:
        migration = prepare(str(old_units), str(new_units))
        both = (migration.old_asset, migration.new_asset)
        for *held, old_weight, new_weight in places:
            portfolio = PortfolioFactory()
            for asset, quantity in zip(both, held, strict=True):
                if quantity is not None:
                    HoldingFactory(portfolio=portfolio, asset=asset, quantity=quantity)
            for asset, weight in zip(both, (old_weight, new_weight), strict=True):
                if weight is not None:
                    TargetWeightFactory(portfolio=portfolio, asset=asset, weight=weight)
        DailyPriceFactory(asset=migration.old_asset)
        before = facts()
        with localcontext(prec=60):
            expected = [
                Decimal(0) if held is None else in_new_units(held, migration) + (joined or 0)
                for held, joined, *_ in places
            ]
        assume(all(amount < TOO_LARGE for amount in expected))  # more stays where it is
        apply(migration)
        apply(migration)
        assert ledger.differences() == []
        held = [quantities(each).get("NEW") for each in Portfolio.objects.order_by("pk")]
        for (old, *_), now, then in zip(places, held, expected, strict=True):
            assert old is None or (now or 0) == then
        token_migrations.reverse(migration=migration)
        assert ledger.differences() == []
        assert facts() == before
        assert not MigratedAmount.objects.exists()
