"""The workbench says what the core says, to the last shown digit, in few queries."""

import re
from decimal import Decimal

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.core import drawdowns, risk, tail_risk, weight_paths
from analytics.models import MarketSnapshot, NightlyRun
from analytics.services import market
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.selectors import prices
from portfolios.services import price_imports
from portfolios.templatetags.figures import percent, ratio, score
from tests.analytics.conftest import AS_OF, quote
from tests.factories import AssetFactory, HoldingFactory, PortfolioFactory, TargetWeightFactory
from tests.portfolios.factories import RiskProfileFactory

pytestmark = pytest.mark.django_db

COINS = 30
DAYS = 400
# A figure's name, and what the weights that are tried have of it.
ROW = (
    r"<tr>\s*<td>\s*([\w ]+?(?:, (?:worst|of)[\w .]+?)?)(?:, %)?\s*<"
    r'.*?"num fw-medium">\s*(\S+)\s*</td>'
)


@pytest.fixture
def portfolio(quotes) -> Portfolio:
    """Thirty coins, each held and wanted, with 400 days of prices and a measured market."""
    generator = np.random.default_rng(3)
    moves = generator.normal(0, 0.02, (DAYS, COINS)) + generator.normal(0, 0.02, (DAYS, 1))
    closes = 100 * np.exp(np.cumsum(moves, axis=0))
    days = [AS_OF - np.timedelta64(DAYS - 1 - n, "D").astype(object) for n in range(DAYS)]
    portfolio = PortfolioFactory(profile=RiskProfileFactory())
    for n in range(COINS):
        key = "bitcoin" if n == 0 else f"coin-{n}"
        coin = AssetFactory(coingecko_id=key, symbol=f"C{n}", name=f"Coin {n}", cap_rank=n + 1)
        quote(quotes, f"C{n}", dict(zip(days, closes[:, n].tolist(), strict=True)))
        HoldingFactory(portfolio=portfolio, asset=coin, quantity=Decimal(n + 1))
        TargetWeightFactory(portfolio=portfolio, asset=coin, weight=Decimal(1) / Decimal(32))
    price_imports.refresh(as_of=AS_OF)
    market.refresh(as_of=AS_OF)
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")
    cache.clear()
    return portfolio


@pytest.fixture
def owner(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


def typed(portfolio: Portfolio) -> dict[str, object]:
    coins = [holding.asset_id for holding in portfolio.holdings.order_by("asset_id")]
    shares = {f"weight-{pk}": str(1 + n % 7) for n, pk in enumerate(coins)}
    return {"revision": 1, "name": "", **shares}


def ask(client: Client, portfolio: Portfolio) -> str:
    """As htmx does while one types."""
    answer = client.post(
        reverse("analytics:workbench", args=[portfolio.pk]),
        typed(portfolio),
        headers={"HX-Request": "true", "HX-Trigger": "workbench-rows"},
    )
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_figure_is_the_cores_to_the_last_shown_digit(owner, portfolio):
    answer = ask(owner, portfolio)
    page = " ".join(re.sub(r"<[^>]+>", " ", answer).split())
    snapshot = MarketSnapshot.objects.get()
    ids, n = snapshot.asset_ids, len(snapshot.asset_ids)
    volatility = np.array(snapshot.daily_volatility)
    covariance = np.array(snapshot.correlation).reshape(n, n) * np.outer(volatility, volatility)
    parts = np.array([float(str(typed(portfolio)[f"weight-{pk}"])) for pk in ids])
    weights = (parts / parts.sum())[None]
    closes = prices.close_panel(end=AS_OF, days=DAYS, asset_ids=ids)[ids].to_numpy()
    returns = closes[1:] / closes[:-1] - 1
    path = np.cumprod(np.vstack([np.ones(1), 1 + returns @ weights.T]), axis=0).T
    bitcoin = np.eye(n)[ids.index(Asset.objects.get(coingecko_id="bitcoin").pk)]
    found = risk.contributions(weights, covariance)
    relation = risk.relation_to_benchmark(weights, covariance, bitcoin)
    tail = tail_risk.historical(weights, returns[-365:])
    figures = {
        "Volatility a year": percent(found.volatility[0]),
        "Max drawdown": percent(
            drawdowns.statistics(path, np.arange(path.shape[1])).max_drawdown[0]
        ),
        "CVaR, worst day in twenty": percent(tail.conditional_value_at_risk[0]),
        "Beta to Bitcoin": ratio(relation.beta[0]),
        "Correlation to Bitcoin": ratio(relation.correlation[0]),
        "Effective bets": ratio(risk.diversification(weights, covariance).effective_bets[0]),
        "Risk score, of 3.0": score(2.0),
    }
    shown = dict(re.findall(ROW, answer, flags=re.DOTALL))
    for name, figure in figures.items():
        assert shown[name] == figure, name
    for pk, share in zip(ids, found.contributions[0] / found.volatility[0], strict=True):
        money = percent(weights[0, ids.index(pk)])
        assert f"{money} % of the money, {percent(share)} % of the risk" in page
    along = weight_paths.along_weight(weights, covariance, int(bitcoin.argmax()), [0.3])
    row = f"{percent(along.volatility[0, 0])} {ratio(along.effective_bets[0, 0])}"
    assert row in page


@pytest.mark.parametrize("warm", [False, True])
def test_a_request_while_typing_takes_at_most_ten_queries(owner, portfolio, warm):
    if warm:
        ask(owner, portfolio)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ask(owner, portfolio)
    assert len(queries) <= (7 if warm else 10)


def test_a_field_that_holds_no_number_says_so_and_nothing_breaks(owner, portfolio):
    pk = portfolio.holdings.first().asset_id
    for nonsense in ("abc", "-1", "1e999", "101", "NaN", "9" * 400):
        answer = owner.post(
            reverse("analytics:workbench", args=[portfolio.pk]),
            typed(portfolio) | {f"weight-{pk}": nonsense},
            headers={"HX-Request": "true", "HX-Trigger": "workbench-rows"},
        )
        assert answer.status_code == 200
        assert "One of the fields holds no percentage" in answer.content.decode()


@pytest.mark.parametrize(
    "asked", ["weights=1", "weights=x:0.5", "weights=1:2", "weights=999999:0.5", "weights=1:NaN",
              "version=77", "version=x", "proposal=magic"],
)  # fmt: skip
def test_an_address_that_asks_for_nonsense_opens_with_what_is_saved(owner, portfolio, asked):
    answer = owner.get(reverse("analytics:workbench", args=[portfolio.pk]) + f"?{asked}")
    assert answer.status_code == 200
    assert len(answer.context["form"].tried) == COINS


def test_weights_in_the_address_are_on_the_bench(owner, portfolio):
    one, two = portfolio.holdings.order_by("asset_id")[:2]
    wanted = f"?weights={one.asset_id}:0.25,{two.asset_id}:0.75"
    answer = owner.get(reverse("analytics:workbench", args=[portfolio.pk]) + wanted)
    assert answer.context["form"].tried == {
        one.asset: Decimal("0.25"), two.asset: Decimal("0.75")
    }  # fmt: skip
    assert "These weights came with the address." in answer.content.decode()


def test_a_proposal_in_the_address_is_on_the_bench_or_says_why_not(owner, portfolio):
    page = reverse("analytics:workbench", args=[portfolio.pk])
    answer = owner.get(f"{page}?proposal=equal-weights")
    assert len(set(answer.context["form"].tried.values())) == 2  # one part each, in steps
    refused = owner.get(f"{page}?proposal=equal-risk").content.decode()
    assert "At their most, the rows make" in refused


@pytest.mark.parametrize("nonsense", ["abc", "-1", "9" * 400, "NaN", ""])
def test_proposals_for_nonsense_are_an_answer_and_no_error(owner, portfolio, nonsense):
    pk = portfolio.holdings.first().asset_id
    answer = owner.post(
        reverse("analytics:proposals", args=[portfolio.pk]),
        {f"weight-{pk}": nonsense, "weight-x": "1", "weight-" + "9" * 30: "1"},
    )
    assert answer.status_code == 200


def test_each_group_has_a_field_for_its_risk_budget_and_keeps_what_was_typed(owner, portfolio):
    AssetCategory.objects.update(recommended_min=0, recommended_max=1)
    Portfolio.objects.filter(pk=portfolio.pk).update(profile=None)
    page = owner.get(
        reverse("analytics:proposals", args=[portfolio.pk]), {"budget-core": "60"}
    ).content.decode()
    fields = dict(re.findall(r'name="(budget-[^"]+)"\s+id="[^"]+"\s+value="([^"]*)"', page))
    category = Asset.objects.get(coingecko_id="coin-1").category_id
    assert fields == {"budget-core": "60", f"budget-{category}": ""}
