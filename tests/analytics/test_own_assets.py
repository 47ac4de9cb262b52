"""Own assets in the night: they count in value and drift, and nobody claims to know their risk."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from analytics.models import MarketSnapshot, PortfolioResult, Suggestion
from analytics.selectors import positions
from analytics.services import nights, recomputation
from portfolios.models import binary_copy
from tests.factories import UserFactory, own_asset


@pytest.fixture
def art(hold, as_of):
    """make(price, ...): a portfolio of half Bitcoin, half something of one's own."""

    def make(prices=None, quantity="2", **fields):
        prices = {as_of - timedelta(days=40): 100.0} if prices is None else prices
        portfolio = hold({"BTC": 2}, {"BTC": "0.5"}, **fields)
        asset = own_asset(owner=portfolio.owner, symbol="ART", name="A painting", prices=prices)
        portfolio.holdings.create(asset=asset, quantity=Decimal(quantity))
        portfolio.target_weights.create(asset=asset, weight=Decimal("0.5"))
        return portfolio, asset

    return make


def measured(portfolio) -> PortfolioResult:
    return PortfolioResult.objects.get(portfolio=portfolio)


def test_an_own_price_counts_in_value_and_weights_until_the_next_one(art, as_of):
    portfolio, asset = art(
        {as_of - timedelta(days=9): 100.0, as_of: 300.0, as_of + timedelta(days=1): 9e9}
    )
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert result.value == pytest.approx(2 * 100 + 2 * 300)
    weights = dict(zip(result.asset_ids, result.weights, strict=True))
    assert weights[asset.pk] == pytest.approx(0.75)
    assert (result.status, result.worst_drift) == ("in_breach", pytest.approx(0.25))
    suggestion = Suggestion.objects.get(portfolio=portfolio)
    trade = dict(zip(suggestion.asset_ids, suggestion.quantities, strict=True))[asset.pk]
    amount = dict(zip(suggestion.asset_ids, suggestion.amounts, strict=True))[asset.pk]
    assert trade == pytest.approx(amount / 300)


def test_changes_use_the_price_of_that_day_and_are_unknown_before_the_first(art, as_of):
    portfolio, _ = art({as_of - timedelta(days=7): 50.0, as_of: 100.0})
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert result.value_1d == pytest.approx(measured_listed(portfolio, as_of, 1) + 2 * 50)
    assert np.isfinite(result.value_7d)
    assert np.isnan(result.value_30d)


def measured_listed(portfolio, as_of, days: int) -> float:
    close = portfolio.holdings.get(asset__symbol="BTC").asset.daily_prices.get(
        date=as_of - timedelta(days=days)
    )
    return 2 * close.close


def test_its_risk_is_unknown_and_never_in_the_covariance(art, as_of):
    portfolio, asset = art()
    nights.run_to_end(as_of=as_of)
    result = measured(portfolio)
    assert result.risk_coverage == pytest.approx(0.5)
    contributions = dict(zip(result.asset_ids, result.risk_contributions, strict=True))
    assert contributions[asset.pk] == 0
    assert asset.pk not in MarketSnapshot.objects.get().asset_ids


def test_without_a_price_by_then_the_portfolio_is_not_judged(art, as_of):
    portfolio, _ = art({as_of + timedelta(days=1): 100.0})
    nights.run_to_end(as_of=as_of)
    assert measured(portfolio).status == "unpriced"


def test_alone_equals_batched_with_any_number_of_own_assets(art, hold, as_of):
    owner = UserFactory()
    many = hold({"BTC": 1}, {})
    for number in range(3):
        mine = own_asset(owner=many.owner, prices={as_of: 10.0 + number})
        many.holdings.create(asset=mine, quantity=number + 1)
    several = [art()[0], many, art(quantity="7")[0], hold({"SOL": 3}, {}, owner=owner)]
    nights.run_to_end(as_of=as_of)
    night = {portfolio.pk: _facts(portfolio) for portfolio in several}
    assert len(night[many.pk]["asset_ids"]) == 4
    assert night[many.pk]["value"] == pytest.approx(100 + 10 + 2 * 11 + 3 * 12)
    for portfolio in several:
        recomputation.recompute(portfolio_id=portfolio.pk)
        alone = _facts(portfolio)
        assert alone.pop("asset_ids") == night[portfolio.pk]["asset_ids"]
        for name, figures in alone.items():
            np.testing.assert_allclose(figures, night[portfolio.pk][name], rtol=1e-12)


def _facts(portfolio) -> dict:
    fields = ("asset_ids", "value", "value_1d", "weights", "risk_contributions", "worst_drift")
    return {name: getattr(measured(portfolio), name) for name in fields}


def test_everybody_s_own_assets_cost_the_night_no_query_more(art, as_of, monkeypatch):
    asked = []

    def counted(cursor, query, params, read=binary_copy.read, **columns):
        asked.append(query)
        return read(cursor, query, params, **columns)

    monkeypatch.setattr(binary_copy, "read", counted)

    def queries() -> int:
        asked.clear()
        positions.read(first_id=1, last_id=2**62, as_of=as_of)
        return len(asked)

    art()
    few = queries()
    for _ in range(5):
        art()
    assert queries() == few < 8
