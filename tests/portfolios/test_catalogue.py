"""The catalogue: what the article promises, and what a repeated load may and may not do."""

import json
from collections import defaultdict
from decimal import Decimal

import pytest
from django.core.management import call_command

from portfolios.market_data import simulator
from portfolios.models import (
    Asset,
    AssetCategory,
    DailyPrice,
    ModelPortfolio,
    ModelPortfolioLine,
    Portfolio,
    RiskProfile,
)
from portfolios.services import catalogue, price_imports
from tests.factories import HoldingFactory

pytestmark = pytest.mark.django_db

# The article's table and model portfolios, written down independently of the catalogue file.
ARTICLE_CATEGORIES = {
    "store-of-value": ("lower", "0.30", "0.50"),
    "smart-contract-l1": ("medium", "0.15", "0.25"),
    "defi": ("higher", "0.05", "0.15"),
    "infrastructure": ("medium", "0.05", "0.10"),
    "l2-scaling": ("medium_high", "0.05", "0.10"),
    "stablecoins": ("very_low", "0.10", "0.20"),
}
ARTICLE_MODELS = {
    "conservative": "BTC 45 ETH 25 SOL 5 LINK 5 UNI 5 USDC 10 USDT 5",
    "moderate": "BTC 35 ETH 20 SOL 8 AVAX 4 ATOM 3 LINK 5 AAVE 5 ARB 4 GRT 4 USDC 12",
    "aggressive": "BTC 25 ETH 15 SOL 12 AVAX 7 NEAR 6 UNI 6 AAVE 5 ARB 6 OP 4 Other-DeFi 4 USDC 10",
}
KNOWN_IDS = {
    "AAVE": "aave", "ADA": "cardano", "ARB": "arbitrum", "ATOM": "cosmos", "AVAX": "avalanche-2",
    "BNB": "binancecoin", "BTC": "bitcoin", "DOGE": "dogecoin", "DOT": "polkadot",
    "ETH": "ethereum", "GRT": "the-graph", "LINK": "chainlink", "LTC": "litecoin",
    "MATIC": "matic-network", "MKR": "maker", "NEAR": "near", "OP": "optimism",
    "POL": "polygon-ecosystem-token", "SOL": "solana", "TRX": "tron", "UNI": "uniswap",
    "USDC": "usd-coin", "USDT": "tether", "XRP": "ripple",
}  # fmt: skip


@pytest.fixture
def loaded() -> catalogue.CatalogueReport:
    return catalogue.load()


def lines_of(slug: str) -> list[ModelPortfolioLine]:
    model = ModelPortfolio.objects.get(slug=slug)
    return list(model.lines.select_related("asset__category", "category"))


@pytest.mark.usefixtures("loaded")
def test_the_articles_categories_carry_its_risk_levels_and_ranges() -> None:
    for slug, (risk_level, least, most) in ARTICLE_CATEGORIES.items():
        category = AssetCategory.objects.get(slug=slug)
        assert category.risk_level == risk_level
        assert (category.recommended_min, category.recommended_max) == (
            Decimal(least),
            Decimal(most),
        )
    ours = AssetCategory.objects.exclude(slug__in=ARTICLE_CATEGORIES)
    assert set(ours.values_list("slug", flat=True)) == {
        "payments", "exchange", "meme", "gaming", "cash",
    }  # fmt: skip
    assert not ours.exclude(recommended_min=None, recommended_max=None).exists()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("slug", ARTICLE_MODELS)
def test_a_model_portfolio_is_the_articles_to_the_percent(slug: str) -> None:
    words = ARTICLE_MODELS[slug].split()
    article = {
        name.replace("-", " "): Decimal(percent) / 100
        for name, percent in zip(words[::2], words[1::2], strict=True)
    }
    lines = lines_of(slug)
    assert {
        line.asset.symbol if line.asset else line.slot_name: line.weight for line in lines
    } == article
    assert sum(line.weight for line in lines) == 1


@pytest.mark.usefixtures("loaded")
def test_the_articles_conflicts_with_its_own_rules_are_kept() -> None:
    assert len(lines_of("conservative")) == 7  # its rule: 8 to 15 positions
    by_category: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines_of("conservative"):
        assert line.asset is not None
        by_category[line.asset.category.slug] += line.weight
    assert by_category["store-of-value"] == Decimal("0.45")  # its rule: no sector above 40 %
    aggressive = {line.asset.symbol: line.weight for line in lines_of("aggressive") if line.asset}
    other_cap = RiskProfile.objects.get(slug="aggressive").other_cap
    assert aggressive["SOL"] == Decimal("0.12") > other_cap  # its rule: at most 10 %


@pytest.mark.usefixtures("loaded")
def test_other_defi_is_a_slot_that_its_user_fills() -> None:
    (slot,) = (line for line in lines_of("aggressive") if line.asset is None)
    assert slot.category is not None
    assert (slot.category.slug, slot.slot_name, slot.weight) == (
        "defi",
        "Other DeFi",
        Decimal("0.04"),
    )


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("slug", "drawdown", "target", "core", "caps"),
    [
        ("conservative", "0.20", ("0.20", "0.40"), ("0.60", "0.70"), ("0.60", "0.30", "0.10")),
        ("moderate", "0.35", ("0.40", "0.80"), ("0.45", "0.55"), ("0.45", "0.25", "0.10")),
        ("aggressive", "0.50", ("0.80", None), ("0.30", "0.40"), ("0.30", "0.20", "0.10")),
    ],
)
def test_a_risk_profile_is_the_articles(
    slug: str,
    drawdown: str,
    target: tuple[str, str | None],
    core: tuple[str, str],
    caps: tuple[str, str, str],
) -> None:
    profile = RiskProfile.objects.get(slug=slug)
    assert profile.max_drawdown == Decimal(drawdown)
    assert profile.return_target_min == Decimal(target[0])
    assert profile.return_target_max == (Decimal(target[1]) if target[1] else None)
    assert (profile.core_min, profile.core_max) == tuple(map(Decimal, core))
    assert (profile.bitcoin_cap, profile.ether_cap, profile.other_cap) == tuple(map(Decimal, caps))


@pytest.mark.usefixtures("loaded")
def test_each_models_core_lies_in_its_profiles_range() -> None:
    for model in ModelPortfolio.objects.select_related("profile"):
        core = sum(
            line.weight
            for line in lines_of(model.slug)
            if line.asset and line.asset.coingecko_id in ("bitcoin", "ethereum")
        )
        assert model.profile.core_min <= core <= model.profile.core_max


@pytest.mark.usefixtures("loaded")
def test_assets_are_many_and_known_by_their_coingecko_ids() -> None:
    ids = dict(Asset.objects.values_list("symbol", "coingecko_id"))
    assert KNOWN_IDS.items() <= ids.items()
    assert Asset.objects.filter(kind=Asset.Kind.COIN).count() >= 45
    cash = Asset.objects.get(coingecko_id="usd")
    assert (cash.symbol, cash.kind, cash.category.slug) == ("USD", Asset.Kind.CASH, "cash")


@pytest.mark.usefixtures("loaded")
def test_kinds_agree_with_categories_and_ranks_are_unique() -> None:
    stablecoins = set(Asset.objects.filter(kind=Asset.Kind.STABLECOIN))
    assert stablecoins == set(Asset.objects.filter(category__slug="stablecoins"))
    ranks = list(Asset.objects.exclude(cap_rank=None).values_list("cap_rank", flat=True))
    assert len(ranks) == len(set(ranks))


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        ({"coingecko_id": "ethereum", "cap_rank": 2}, "core"),
        ({"cap_rank": 3}, "large"),
        ({"cap_rank": 30}, "large"),
        ({"cap_rank": 31}, "mid"),
        ({"cap_rank": 100}, "mid"),
        ({"cap_rank": 101}, "high_growth"),
        ({"cap_rank": None}, None),
        ({"cap_rank": None, "curated_tier": "mid"}, "mid"),
        ({"cap_rank": 3, "curated_tier": "high_growth"}, "high_growth"),
        ({"cap_rank": 4, "kind": "stablecoin"}, None),
        ({"kind": "cash"}, None),
    ],
)
def test_a_tier_follows_from_the_rank_unless_it_is_curated(fields, tier) -> None:
    assert Asset(**fields).tier == tier


@pytest.mark.usefixtures("loaded")
def test_every_coin_of_the_catalogue_has_a_tier_and_only_stablecoins_and_coins_a_yield() -> None:
    assert all(asset.tier for asset in Asset.objects.filter(kind=Asset.Kind.COIN))
    assert Asset.objects.get(coingecko_id="solana").assumed_yield == Decimal("0.065")
    assert Asset.objects.get(coingecko_id="bitcoin").assumed_yield is None


@pytest.mark.usefixtures("loaded")
def test_forms_stand_for_their_coins_and_keep_what_an_admin_chose() -> None:
    forms = dict(Asset.objects.exclude(form_of=None).values_list("symbol", "form_of__symbol"))
    assert forms == {"WBTC": "BTC", "STETH": "ETH"}
    for form in Asset.objects.exclude(form_of=None):
        form.full_clean()
        assert (form.kind, form.cap_rank) == (Asset.Kind.WRAPPED, None)
        assert form.category == form.form_of.category
    Asset.objects.filter(symbol="WBTC").update(form_of=None)
    catalogue.load()
    assert Asset.objects.get(symbol="WBTC").form_of is None
    assert catalogue.load(refresh=True).updated == 1
    assert Asset.objects.get(symbol="WBTC").form_of == Asset.objects.get(symbol="BTC")


def test_a_second_load_changes_nothing(loaded: catalogue.CatalogueReport) -> None:
    again = catalogue.load()
    assert (again.created, again.updated) == (0, 0)
    assert again.unchanged == loaded.created
    assert catalogue.load(refresh=True) == again
    assert ModelPortfolioLine.objects.count() == 7 + 10 + 11


@pytest.mark.usefixtures("loaded")
def test_an_admins_edits_stay_until_a_refresh_is_asked_for() -> None:
    Asset.objects.filter(coingecko_id="aave").update(name="Aave, renamed")
    ModelPortfolioLine.objects.filter(model_portfolio__slug="moderate").delete()
    catalogue.load()
    assert Asset.objects.get(coingecko_id="aave").name == "Aave, renamed"
    assert lines_of("moderate") == []

    assert catalogue.load(refresh=True).updated == 1
    assert Asset.objects.get(coingecko_id="aave").name == "Aave"
    assert len(lines_of("moderate")) == 10


@pytest.mark.usefixtures("loaded")
def test_loading_never_touches_what_users_own() -> None:
    holding = HoldingFactory(asset=Asset.objects.get(coingecko_id="bitcoin"))
    catalogue.load(refresh=True)
    assert Portfolio.objects.get().holdings.get() == holding


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_catalogue")
    call_command("load_catalogue")
    first, second = capsys.readouterr().out.splitlines()
    assert "0 rows created" not in first
    assert second.startswith("Catalogue: 0 rows created, 0 updated,")


@pytest.mark.usefixtures("loaded")
def test_every_simulated_asset_starts_at_a_price_of_its_own() -> None:
    calibrated = set(json.loads(simulator.CALIBRATION.read_text())["assets"])
    kinds = (Asset.Kind.COIN, Asset.Kind.WRAPPED)
    coins = set(Asset.objects.filter(kind__in=kinds).values_list("coingecko_id", flat=True))
    assert coins == calibrated | set(catalogue.starting_prices())
    assert not calibrated & set(catalogue.starting_prices())
    price_imports.import_simulated(seed=1, until=simulator.ORIGIN)
    shiba = DailyPrice.objects.get(asset__coingecko_id="shiba-inu")
    assert 0.00001 < shiba.close < 0.00004
