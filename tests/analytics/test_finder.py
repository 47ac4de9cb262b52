"""The asset finder: the core's figures, ranges kept, holdings that are one bet."""

import re
from decimal import Decimal

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from analytics.core import risk
from analytics.models import ClusterDay, NightlyRun
from analytics.selectors import benches, portfolio_pages
from analytics.services import additions, market, weight_figures
from portfolios.models import Portfolio
from portfolios.models.portfolios import MoneyRole
from portfolios.services import price_imports, roles
from portfolios.templatetags.figures import percent, ratio
from tests.analytics.conftest import AS_OF, quote
from tests.factories import AssetCategoryFactory, AssetFactory, HoldingFactory, PortfolioFactory
from tests.portfolios.factories import RiskProfileFactory

pytestmark = pytest.mark.django_db
DAYS = 300


@pytest.fixture
def coins(quotes) -> dict:
    """Five that move together, A to E, one that goes against them, one of little history."""
    rng = np.random.default_rng(5)
    together = rng.normal(0, 0.03, DAYS)
    own = rng.normal(0, 0.02, (DAYS, 7))
    moves = {name: together + own[:, n] for n, name in enumerate("ABCDE")}
    moves |= {"LONER": 1.5 * own[:, 5], "YOUNG": own[:, 6]}
    defi = AssetCategoryFactory(slug="defi", name="DeFi", colour=3, recommended_max=Decimal("0.1"))
    made = {}
    for rank, (name, move) in enumerate(moves.items(), start=1):
        path = np.exp(np.cumsum(move))
        closes = path / path[-1]
        days = [AS_OF - np.timedelta64(DAYS - 1 - n, "D").astype(object) for n in range(DAYS)]
        known = dict(zip(days, closes.tolist(), strict=True))
        if name == "YOUNG":
            known = dict(list(known.items())[-70:])
        quote(quotes, name, known)
        key = {"A": "bitcoin"}.get(name, name.lower())
        fields = {"category": defi} if name in ("D", "E") else {}
        made[name] = AssetFactory(
            coingecko_id=key, symbol=name, name=f"Coin {name}", cap_rank=rank, **fields
        )
    price_imports.refresh(as_of=AS_OF)
    market.refresh(as_of=AS_OF)
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")
    cache.clear()
    return made


@pytest.fixture
def portfolio(coins) -> Portfolio:
    """A and B, and D up to the end of its category's range."""
    made = PortfolioFactory(profile=RiskProfileFactory())
    for name, worth in (("A", 60), ("B", 30), ("D", 10)):
        HoldingFactory(portfolio=made, asset=coins[name], quantity=Decimal(worth))
    return made


def find(portfolio):
    found = additions.find(portfolio, run=portfolio_pages.current_run())
    assert found is not None
    return found


def test_what_moves_on_its_own_comes_first_and_figures_are_those_of_the_portfolio_made_by_hand(
    portfolio, coins
):
    found = find(portfolio)
    assert found.additions[0].asset.symbol == "LONER"
    assert found.too_young == 1
    run = portfolio_pages.current_run()
    bench = benches.read(portfolio, list(coins.values()), run=run)
    for row in found.additions:
        mixed = bench.held_weights * (1 - row.share)
        mixed[bench.assets.index(row.asset)] += row.share
        expected = weight_figures.measure(bench, [mixed])[0]
        assert row.volatility == pytest.approx(expected.volatility, rel=1e-12)
        assert row.cvar == pytest.approx(expected.cvar, rel=1e-12)
        assert row.effective_bets == pytest.approx(expected.effective_bets, rel=1e-9)
        assert row.low <= row.correlation <= row.high
        assert row.volatility_low <= row.volatility <= row.volatility_high
        assert 0 <= row.best_share <= row.most
        assert row.least_volatility <= min(row.volatility, row.before) * (1 + 1e-12)
    assert found.today.volatility == pytest.approx(row.before)


def test_ranges_and_caps_are_kept(portfolio, coins):
    """The category of D is full, so E has no room; the profile lets any other have a tenth."""
    found = find(portfolio)
    assert [asset.symbol for asset in found.without_room] == ["E"]
    loner = found.additions[0]
    assert (loner.most, loner.is_at_most) == (pytest.approx(0.1), True)
    portfolio.profile = None  # B has three tenths of a category that may have four
    portfolio.save()
    assert find(portfolio).additions[0].most == pytest.approx(1 / 7)


def test_a_form_of_a_coin_is_not_offered_as_another_bet(portfolio, coins):
    coins["LONER"].form_of = coins["A"]
    coins["LONER"].save()
    assert "LONER" not in [row.asset.symbol for row in find(portfolio).additions]


def test_each_row_opens_the_workbench_with_its_weights(portfolio, coins):
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:finder", args=[portfolio.pk])).content.decode()
    loner = find(portfolio).additions[0]
    assert f"weights={loner.tries}" in page
    weights = [Decimal(part.partition(":")[2]) for part in loner.tries.split(",")]
    assert sum(weights) == 1
    bench = client.get(
        reverse("analytics:workbench", args=[portfolio.pk]) + f"?weights={loner.tries}"
    ).content.decode()
    assert "These weights came with the address" in bench
    assert re.search(rf'name="weight-{coins["LONER"].pk}"[^>]*value="5"', bench)
    shown = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"{percent(loner.volatility)} {percent(loner.volatility_low)} to" in shown
    assert f"{ratio(loner.correlation)} {ratio(loner.low)} to {ratio(loner.high)}" in shown


def test_holdings_of_one_cluster_are_told_with_what_merging_changes(portfolio, coins):
    ids = [coins[name].pk for name in ("A", "B", "C", "D")]
    ClusterDay.objects.create(
        as_of=AS_OF, window=365, without_bitcoin=True, asset_ids=ids[1:], labels=[0, 1, 0],
        shares=[0.6, 1.0, 0.6],
    )  # fmt: skip
    [both] = find(portfolio).redundancies
    assert [asset.symbol for asset in both.assets] == ["B", "D"]
    assert (both.is_stable, both.weight) == (False, pytest.approx(0.4))
    run = portfolio_pages.current_run()
    bench = benches.read(portfolio, list(coins.values()), run=run)
    merged = np.zeros(len(bench.assets))
    merged[[bench.assets.index(coins["A"]), bench.assets.index(coins["B"])]] = 0.6, 0.4
    expected = risk.contributions(merged[None], bench.covariance).volatility[0]
    assert both.merged.volatility == pytest.approx(expected)
    assert both.tries == f"{coins['A'].pk}:0.6000,{coins['B'].pk}:0.4000"


def test_what_is_outside_the_weights_is_not_diluted(portfolio, coins):
    cash = AssetFactory(coingecko_id="usd", symbol="USD", kind="cash")
    HoldingFactory(portfolio=portfolio, asset=cash, quantity=Decimal(5000))
    with_cash = find(portfolio).today.volatility
    roles.choose(
        portfolio=portfolio, money_role=MoneyRole.DRY_POWDER, reserve_amount=None,
        groups_forms=False, set_aside=None, expected_revision=None,
    )  # fmt: skip
    portfolio.refresh_from_db()
    assert with_cash is not None
    assert find(portfolio).today.volatility > with_cash


def test_nothing_held_and_nothing_wanted_says_what_to_do(coins):
    portfolio = PortfolioFactory()
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:finder", args=[portfolio.pk]))
    assert (page.status_code, b"Nothing to compare with yet" in page.content) == (200, True)
