"""Facts change whole or not at all, one change at a time, and each is counted."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, localcontext

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from portfolios.models import Asset, Holding, ModelPortfolio, ModelPortfolioLine, Portfolio
from portfolios.services import holdings, portfolios, quantities, targets
from portfolios.services.errors import (
    ConflictError,
    MissingPriceError,
    QuantityError,
    SlotError,
    TargetsError,
)
from tests.factories import (
    AssetCategoryFactory,
    AssetFactory,
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    UserFactory,
)
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory

pytestmark = pytest.mark.django_db

Change = Callable[[Portfolio, Asset], object]


def targets_of(portfolio: Portfolio) -> dict[str, Decimal]:
    return dict(portfolio.target_weights.values_list("asset__symbol", "weight"))


# --- Holdings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quantity",
    ["0.000000000000000001", "12345678901234567890.123456789012345678", "21000000", "0.1"],
)
def test_a_quantity_survives_a_round_trip_to_its_eighteenth_decimal(quantity: str) -> None:
    portfolio, asset = PortfolioFactory(), AssetFactory()
    holdings.save(portfolio=portfolio, asset=asset, quantity=Decimal(quantity))
    assert Holding.objects.get(portfolio=portfolio).quantity == Decimal(quantity)


@pytest.mark.parametrize(
    ("quantity", "sentence"),
    [
        ("NaN", "must be a number"),
        ("sNaN", "must be a number"),
        ("Infinity", "must be a number"),
        ("-Infinity", "must be a number"),
        ("-1", "above zero"),
        ("0", "above zero"),
        ("1e400", "below 100,000,000,000,000,000,000"),
        ("1e20", "below 100,000,000,000,000,000,000"),
        ("1e-19", "more than 18 decimals"),
        ("1e-999999", "more than 18 decimals"),
        ("99999999999999999999.0000000000000000001", "more than 18 decimals"),
    ],
)
def test_an_impossible_quantity_is_refused_and_nothing_changes(
    quantity: str, sentence: str
) -> None:
    holding = HoldingFactory(quantity=Decimal(2))
    with pytest.raises(QuantityError, match=sentence):
        holdings.save(portfolio=holding.portfolio, asset=holding.asset, quantity=Decimal(quantity))
    holding.refresh_from_db()
    assert (holding.quantity, holding.portfolio.revision) == (Decimal(2), 1)


def test_saving_a_holding_again_replaces_it() -> None:
    portfolio, asset = PortfolioFactory(), AssetFactory()
    for quantity in (Decimal(1), Decimal(3)):
        holdings.save(portfolio=portfolio, asset=asset, quantity=quantity)
    assert list(portfolio.holdings.values_list("quantity", flat=True)) == [Decimal(3)]


def test_removing_what_is_not_held_says_so() -> None:
    portfolio, asset = PortfolioFactory(), AssetFactory(symbol="XMR")
    with pytest.raises(ConflictError, match="XMR was removed in another tab already"):
        holdings.remove(portfolio=portfolio, asset=asset)
    portfolio.refresh_from_db()
    assert portfolio.revision == 1


# --- Targets --------------------------------------------------------------------------------------


def test_targets_replace_all_former_targets() -> None:
    former = TargetWeightFactory(weight=Decimal(1))
    bitcoin, ether = AssetFactory(symbol="BTC"), AssetFactory(symbol="ETH")
    targets.replace(
        portfolio=former.portfolio,
        weights={bitcoin: Decimal("0.6"), ether: Decimal("0.4")},
        expected_revision=1,
    )
    assert targets_of(former.portfolio) == {"BTC": Decimal("0.6"), "ETH": Decimal("0.4")}


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        (["0.5", "0.485"], r"Targets sum to 98\.50 %\. Add 1\.50 % more\."),
        (["0.7", "0.7"], r"Targets sum to 140\.00 %\. Take 40\.00 % away\."),
        (["0.5", "0.499999999"], r"Targets sum to 99\.9999999 %\. Add 0\.0000001 % more\."),
        ([], r"Targets sum to 0\.00 %\. Add 100\.00 % more\."),
        (["1.5", "-0.5"], "target of T0 must be above 0 % and at most 100 %"),
        (["1", "0"], "target of T1 must be above 0 % and at most 100 %"),
        (["NaN", "0.5"], "target of T0 must be above 0 %"),
        (["0.3333333333", "0.6666666667"], "target of T0 has more than 7 decimals"),
    ],
)
def test_targets_that_are_not_a_whole_are_refused_and_the_old_ones_stay(
    weights: list[str], sentence: str
) -> None:
    former = TargetWeightFactory(asset__symbol="OLD", weight=Decimal(1))
    wanted = {AssetFactory(symbol=f"T{n}"): Decimal(weight) for n, weight in enumerate(weights)}
    with pytest.raises(TargetsError, match=sentence):
        targets.replace(portfolio=former.portfolio, weights=wanted, expected_revision=1)
    former.portfolio.refresh_from_db()
    assert targets_of(former.portfolio) == {"OLD": Decimal(1)}
    assert former.portfolio.revision == 1


def test_targets_decided_on_an_older_revision_are_refused() -> None:
    former = TargetWeightFactory(asset__symbol="OLD", weight=Decimal(1))
    portfolios.rename(
        portfolio=Portfolio.objects.get(pk=former.portfolio_id),
        name="Meanwhile",
        expected_revision=None,
    )
    with pytest.raises(ConflictError, match="changed in another tab"):
        targets.replace(
            portfolio=former.portfolio, weights={AssetFactory(): Decimal(1)}, expected_revision=1
        )
    assert targets_of(former.portfolio) == {"OLD": Decimal(1)}


# --- Revisions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda p, a: holdings.save(portfolio=p, asset=a, quantity=Decimal(5)),
        lambda p, a: holdings.remove(portfolio=p, asset=a),
        lambda p, a: targets.replace(portfolio=p, weights={a: Decimal(1)}, expected_revision=None),
        lambda p, a: portfolios.rename(portfolio=p, name="Another name", expected_revision=None),
        lambda p, a: portfolios.update_settings(
            portfolio=p,
            name="n",
            tolerance_band=Decimal("0.04"),
            wide_band=Decimal("0.08"),
            fee_rate=Decimal("0.002"),
            notes="",
            expected_revision=1,
        ),
        lambda p, a: portfolios.archive(portfolio=p),
        lambda p, a: portfolios.restore(portfolio=p),
        lambda p, a: portfolios.delete(portfolio=p),
        lambda p, a: portfolios.undelete(portfolio=p),
    ],
    ids=[
        "save holding",
        "remove holding",
        "replace targets",
        "rename",
        "update settings",
        "archive",
        "restore",
        "delete",
        "undelete",
    ],
)
def test_every_write_counts_the_revision_up_by_one(change: Change) -> None:
    holding = HoldingFactory()
    portfolio = Portfolio.objects.get(pk=holding.portfolio_id)
    change(portfolio, holding.asset)
    assert portfolio.revision == 2
    assert Portfolio.objects.get(pk=portfolio.pk).revision == 2


def test_a_change_to_a_deleted_portfolio_is_a_conflict() -> None:
    holding = HoldingFactory()
    portfolios.delete(portfolio=holding.portfolio)
    with pytest.raises(ConflictError, match="deleted in another tab"):
        holdings.save(portfolio=holding.portfolio, asset=holding.asset, quantity=Decimal(9))
    holding.refresh_from_db()
    assert holding.quantity == Decimal(1)


@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_moment_are_each_counted() -> None:
    portfolio = PortfolioFactory()
    assets = [AssetFactory() for _ in range(8)]

    def save(asset: Asset) -> None:
        try:
            mine = Portfolio.objects.get(pk=portfolio.pk)
            holdings.save(portfolio=mine, asset=asset, quantity=Decimal(1))
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=(asset,)) for asset in assets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    portfolio.refresh_from_db()
    assert (portfolio.revision, portfolio.holdings.count()) == (9, 8)


# --- From a model ---------------------------------------------------------------------------------


@pytest.fixture
def model() -> ModelPortfolio:
    """60 % Bitcoin, 30 % Ether, 10 % of whatever its owner likes in DeFi."""
    defi = AssetCategoryFactory(slug="defi", name="DeFi", colour=3)
    model = ModelPortfolioFactory(name="Sixty-thirty-ten")
    for symbol, weight in (("BTC", "0.6"), ("ETH", "0.3")):
        ModelPortfolioLineFactory(
            model_portfolio=model, asset=AssetFactory(symbol=symbol), weight=Decimal(weight)
        )
    ModelPortfolioLineFactory(
        model_portfolio=model,
        asset=None,
        category=defi,
        slot_name="Other DeFi",
        weight=Decimal("0.1"),
    )
    AssetFactory(symbol="LARGE", category=defi, cap_rank=20)
    AssetFactory(symbol="SMALL", category=defi, cap_rank=200)
    return model


def closes_of(**closes: float) -> dict[int, float]:
    return {Asset.objects.get(symbol=symbol).pk: close for symbol, close in closes.items()}


def slot_of(model: ModelPortfolio) -> ModelPortfolioLine:
    return model.lines.get(asset=None)


def test_a_portfolio_from_a_model_holds_each_weight_of_the_amount(model: ModelPortfolio) -> None:
    portfolio = portfolios.create_from_model(
        owner=UserFactory(),
        name="Mine",
        model_portfolio=model,
        amount=Decimal(10_000),
        closes=closes_of(BTC=50_000.0, ETH=3_000.0, LARGE=8.0, SMALL=1.0),
    )
    assert dict(portfolio.holdings.values_list("asset__symbol", "quantity")) == {
        "BTC": Decimal("0.12"),
        "ETH": Decimal(1),
        "LARGE": Decimal(125),
    }
    assert targets_of(portfolio) == {
        "BTC": Decimal("0.6"),
        "ETH": Decimal("0.3"),
        "LARGE": Decimal("0.1"),
    }
    assert portfolio.profile == model.profile


@given(
    amount=st.decimals(Decimal("0.01"), Decimal("1e12"), places=2),
    close=st.floats(1e-8, 1e6, exclude_min=True),
    weight=st.integers(1, 10**9).map(lambda billionths: Decimal(billionths) / 10**9),
)
def test_what_is_bought_costs_the_amount_up_to_one_smallest_unit(
    amount: Decimal, close: float, weight: Decimal
) -> None:
    asset = Asset(pk=1, symbol="TC")
    try:
        quantity = portfolios.buy(weights={asset: weight}, amount=amount, closes={1: close})[asset]
    except QuantityError:
        with localcontext(prec=80):
            ideal = amount * weight / Decimal(str(close))
        assert not quantities.SMALLEST <= ideal < quantities.TOO_LARGE
        return
    with localcontext(prec=80):
        price = Decimal(str(close))
        assert quantity * price <= amount * weight < (quantity + quantities.SMALLEST) * price


def test_the_owner_chooses_what_fills_a_slot(model: ModelPortfolio) -> None:
    portfolio = portfolios.create_from_model(
        owner=UserFactory(),
        name="Mine",
        model_portfolio=model,
        amount=Decimal(100),
        closes=closes_of(BTC=1.0, ETH=1.0, LARGE=1.0, SMALL=1.0),
        slots={slot_of(model).pk: Asset.objects.get(symbol="SMALL")},
    )
    assert targets_of(portfolio)["SMALL"] == Decimal("0.1")


def test_a_slot_left_open_takes_the_largest_asset_that_is_active_priced_and_not_taken(
    model: ModelPortfolio,
) -> None:
    defi = slot_of(model).category
    AssetFactory(symbol="RETIRED", category=defi, cap_rank=1, is_active=False)
    AssetFactory(symbol="UNPRICED", category=defi, cap_rank=2)
    taken = AssetFactory(symbol="TAKEN", category=defi, cap_rank=3)
    model.lines.filter(asset__symbol="ETH").update(asset=taken)
    portfolio = portfolios.create_from_model(
        owner=UserFactory(),
        name="Mine",
        model_portfolio=model,
        amount=Decimal(100),
        closes=closes_of(BTC=1.0, RETIRED=1.0, TAKEN=1.0, LARGE=1.0, SMALL=1.0),
    )
    assert set(targets_of(portfolio)) == {"BTC", "TAKEN", "LARGE"}


def test_an_asset_without_a_price_is_named_and_nothing_is_made(model: ModelPortfolio) -> None:
    with pytest.raises(MissingPriceError, match="no price for ETH · Test coin ETH") as refusal:
        portfolios.create_from_model(
            owner=UserFactory(),
            name="Mine",
            model_portfolio=model,
            amount=Decimal(100),
            closes=closes_of(BTC=1.0, LARGE=1.0),
        )
    assert [asset.symbol for asset in refusal.value.assets] == ["ETH"]
    assert not Portfolio.objects.exists()


def test_a_slot_refuses_an_asset_of_another_category(model: ModelPortfolio) -> None:
    stranger = AssetFactory(
        symbol="DOGE", category=AssetCategoryFactory(slug="meme", name="Meme", colour=9)
    )
    with pytest.raises(SlotError, match="DOGE .* cannot fill “Other DeFi”"):
        portfolios.create_from_model(
            owner=UserFactory(),
            name="Mine",
            model_portfolio=model,
            amount=Decimal(100),
            closes=closes_of(BTC=1.0, ETH=1.0, LARGE=1.0, DOGE=1.0),
            slots={slot_of(model).pk: stranger},
        )
    assert not Portfolio.objects.exists()


@pytest.mark.parametrize("amount", ["0", "-5", "NaN", "Infinity", "1e-18", "1e30"])
def test_an_impossible_amount_is_refused_and_nothing_is_made(
    model: ModelPortfolio, amount: str
) -> None:
    with pytest.raises(QuantityError):
        portfolios.create_from_model(
            owner=UserFactory(),
            name="Mine",
            model_portfolio=model,
            amount=Decimal(amount),
            closes=closes_of(BTC=50_000.0, ETH=3_000.0, LARGE=8.0),
        )
    assert not Portfolio.objects.exists()


# --- Copies, the archive, the end -----------------------------------------------------------------


def test_a_copy_has_all_facts_of_its_original_and_shares_none() -> None:
    holding = HoldingFactory(quantity=Decimal("0.000000000000000001"))
    original = holding.portfolio
    TargetWeightFactory(portfolio=original, asset=holding.asset, weight=Decimal(1))
    Portfolio.objects.filter(pk=original.pk).update(
        name="N" * 80, fee_rate=Decimal("0.002"), notes="Why I hold this", revision=7
    )
    copy = portfolios.clone(portfolio=original)
    assert (copy.owner, copy.name, copy.revision) == (original.owner, f"Copy of {'N' * 72}", 1)
    assert (copy.fee_rate, copy.notes) == (Decimal("0.002"), "Why I hold this")
    assert copy.holdings.get().quantity == holding.quantity
    assert targets_of(copy) == targets_of(original)
    holdings.remove(portfolio=copy, asset=holding.asset)
    assert original.holdings.exists()


def test_a_deleted_portfolio_comes_back_whole() -> None:
    holding = HoldingFactory()
    portfolio = holding.portfolio
    portfolios.delete(portfolio=portfolio)
    assert not Portfolio.objects.visible_to(portfolio.owner).exists()
    portfolios.undelete(portfolio=portfolio)
    assert Portfolio.objects.visible_to(portfolio.owner).get().holdings.get() == holding


def test_deleting_twice_is_a_conflict() -> None:
    portfolio = PortfolioFactory()
    portfolios.delete(portfolio=portfolio)
    with pytest.raises(ConflictError):
        portfolios.delete(portfolio=portfolio)


def test_what_was_deleted_is_purged_after_a_week_with_all_its_rows() -> None:
    week_old, fresh, living = HoldingFactory(), HoldingFactory(), HoldingFactory()
    TargetWeightFactory(portfolio=week_old.portfolio)
    now = timezone.now()
    for holding, days in ((week_old, 7.01), (fresh, 6.99)):
        Portfolio.objects.filter(pk=holding.portfolio_id).update(
            deleted_at=now - timedelta(days=days)
        )
    assert portfolios.purge_deleted() == 1
    assert set(Holding.objects.all()) == {fresh, living}
    assert portfolios.purge_deleted() == 0
