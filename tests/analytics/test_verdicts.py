"""What acting costs and brings, from the night to the letter."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import OutgoingEmail
from analytics.core import risk, tail_risk
from analytics.models import AlertEvent, BreachEpisode, NightlyRun, Suggestion
from analytics.selectors import market as market_selector
from analytics.services import nights, recomputation
from portfolios.models import Venue
from portfolios.services import catalogue
from tests.analytics.conftest import quote, rehold
from tests.factories import AssetFactory

Answer = Suggestion.Answer
HALVES = {"BTC": "0.5", "SOL": "0.5"}
pytestmark = pytest.mark.django_db(transaction=True)


def venue(**fields: object) -> Venue:
    rates = dict.fromkeys(
        ["half_spread_stable", "half_spread_core", "half_spread_large", "half_spread_mid"], 0
    )
    defaults = {
        "slug": "test", "name": "Test venue", "maker_fee": 0, "taker_fee": "0.002",
        "half_spread_other": "0.001", "as_of": "2024-06-30", "source": "a test",
    }  # fmt: skip
    return Venue.objects.create(**rates | defaults | fields)


def suggestion_of(portfolio) -> Suggestion:
    return Suggestion.objects.get(portfolio=portfolio, revision=portfolio.revision)


def test_benefit_and_risk_are_the_kernels_on_the_market_of_that_night(hold, coins, as_of):
    portfolio = hold({"BTC": 8, "SOL": 2}, HALVES, fee_rate="0.002", risk_aversion="4.5")
    nights.run_to_end(as_of=as_of)
    found = suggestion_of(portfolio)
    market = market_selector.read(as_of=as_of, asset_ids=[coins["BTC"].pk, coins["SOL"].pk])
    held, targets = np.array([[0.8, 0.2]]), np.array([[0.5, 0.5]])
    strayed = held - targets
    variance = 365 * float((strayed @ market.covariance @ strayed.T)[0, 0])
    assert found.benefit_per_year == pytest.approx(4.5 / 2 * variance)
    volatility = [risk.contributions(w, market.covariance).volatility[0] for w in (held, targets)]
    assert found.volatility_change == pytest.approx(volatility[1] - volatility[0])
    tails = [
        tail_risk.historical(w, market.returns).conditional_value_at_risk[0]
        for w in (held, targets)
    ]
    assert found.cvar_change == pytest.approx(tails[1] - tails[0])
    share = found.cost / 1000
    assert found.break_even_days == pytest.approx(share * 365 / found.benefit_per_year)
    assert (found.horizon_days, found.risk_aversion, found.answer) == (30, 4.5, Answer.ACT)


def test_what_does_not_pay_within_the_horizon_is_said_so_and_not_written_about(hold, as_of):
    portfolio = hold({"BTC": 56, "SOL": 44}, HALVES, fee_rate="0.05", name="Dear")
    run = nights.run_to_end(as_of=as_of)
    found = suggestion_of(portfolio)
    assert found.answer == Answer.NOT_WORTH_IT
    assert found.break_even_days > found.horizon_days
    assert (run.in_breach, run.suggestions, run.emails_queued) == (1, 1, 0)
    assert BreachEpisode.objects.get().closed_on is None
    client = Client()
    client.force_login(portfolio.owner)
    page = " ".join(client.get(reverse("analytics:rebalance", args=[portfolio.pk])).text.split())
    assert "In breach, but not worth its cost." in page
    overview = client.get(portfolio.get_absolute_url()).text
    assert "Wait: not worth its cost" in overview


def test_the_first_night_on_which_acting_pays_writes_and_only_once(hold, coins, as_of):
    portfolio = hold({"BTC": 56, "SOL": 44}, HALVES, fee_rate="0.01")
    nights.run_to_end(as_of=as_of)
    assert not AlertEvent.objects.exists()
    rehold(portfolio, coins["BTC"], 400)
    for day in (1, 2):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    assert AlertEvent.objects.get().run == NightlyRun.objects.get(as_of=as_of + timedelta(days=1))
    assert OutgoingEmail.objects.filter(kind="letter").count() == 1


def test_the_horizon_is_the_user_s_or_the_regime_s(hold, as_of, monkeypatch):
    mine = hold({"BTC": 9, "SOL": 1}, HALVES, horizon_days=90)
    plain = hold({"BTC": 9, "SOL": 1}, HALVES)
    read = market_selector.read

    def stormy(**asked):
        calm = read(**asked)
        return type(calm)(**{**vars(calm), "high_volatility": True})

    monkeypatch.setattr(market_selector, "read", stormy)
    nights.run_to_end(as_of=as_of)
    assert (suggestion_of(mine).horizon_days, suggestion_of(plain).horizon_days) == (90, 7)


def test_the_same_night_gives_the_same_suggestion(hold, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES, venue=venue(lot_value=1))
    nights.run_to_end(as_of=as_of)
    before = Suggestion.objects.values().get()
    AlertEvent.objects.all().delete()
    recomputation.recompute(portfolio_id=portfolio.pk)
    after = Suggestion.objects.values().get()
    assert {**after, "id": 0} == {**before, "id": 0}


def test_without_a_risk_history_nothing_is_claimed_and_the_letter_still_goes(hold, quotes, as_of):
    young = AssetFactory(symbol="YNG")
    quote(quotes, "YNG", {as_of - timedelta(days=1): 90.0, as_of: 100.0})
    portfolio = hold({"BTC": 1}, {"BTC": "0.9"})
    portfolio.holdings.create(asset=young, quantity=9)
    portfolio.target_weights.create(asset=young, weight=Decimal("0.1"))
    run = nights.run_to_end(as_of=as_of)
    found = suggestion_of(portfolio)
    assert found.answer == Answer.UNMEASURED
    assert np.isnan(found.benefit_per_year)
    assert run.emails_queued == 1
    client = Client()
    client.force_login(portfolio.owner)
    assert "cannot be measured yet" in client.get(
        reverse("analytics:rebalance", args=[portfolio.pk])
    ).text  # fmt: skip


def test_acting_that_raises_risk_says_so_first(hold, quotes, coins, as_of):
    portfolio = hold({"USD": 900, "BTC": 1}, {"BTC": "0.6", "USD": "0.4"})
    nights.run_to_end(as_of=as_of)
    assert suggestion_of(portfolio).volatility_change > 0
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:rebalance", args=[portfolio.pk])).text
    assert 0 < page.index("Acting raises risk") < page.index("<strong>Act.")


def test_a_venue_s_fee_spread_impact_and_withdrawals_by_hand(hold, coins, as_of):
    """Without volume the tier's is assumed: beyond rank 100, two million dollars a day."""
    portfolio = hold(
        {"BTC": 8, "SOL": 2}, HALVES, venue=venue(withdrawal_cost="2.5"), withdraws=True
    )
    nights.run_to_end(as_of=as_of)
    found = suggestion_of(portfolio)
    market = market_selector.read(as_of=as_of, asset_ids=found.asset_ids)
    amounts = np.abs(found.amounts)
    assert found.fees == pytest.approx(0.002 * amounts.sum())
    assert found.spread_cost == pytest.approx(0.001 * amounts.sum())
    volatility = np.sqrt(np.diag(market.covariance))
    assert found.impact_cost == pytest.approx(
        (volatility * np.sqrt(amounts / 2e6) * amounts).sum(), rel=1e-6
    )
    assert found.withdrawal_cost == 2.5  # one asset is bought
    # The trades pay for all but the withdrawal.
    assert sum(found.amounts) == pytest.approx(2.5 - found.cost, abs=1e-6)


def test_a_maker_pays_the_maker_s_fee(hold, as_of):
    patient = hold({"BTC": 8, "SOL": 2}, HALVES, venue=venue(), order_type="maker")
    nights.run_to_end(as_of=as_of)
    assert suggestion_of(patient).fees == pytest.approx(0, abs=1e-9)


def test_orders_are_whole_lots_and_none_is_too_small(hold, as_of):
    portfolio = hold(
        {"BTC": "6.03", "SOL": "3.47", "UNI": "0.5"},
        {"BTC": "0.5", "SOL": "0.45", "UNI": "0.05"},
        venue=venue(lot_value=20, minimum_order=5),
    )
    nights.run_to_end(as_of=as_of)
    found = suggestion_of(portfolio)
    # 100 dollars a coin: a tenth is worth 10, which is 20 or less.
    assert np.array(found.quantities) * 10 == pytest.approx(
        np.round(np.array(found.quantities) * 10)
    )
    assert min(np.abs(found.amounts)) >= 5


def test_portfolios_at_several_venues_each_get_their_own_costs(hold, as_of):
    cheap, dear = venue(), venue(slug="dear", name="Dear", taker_fee="0.01")
    of = {
        name: hold({"BTC": 8, "SOL": 2}, HALVES, venue=where)
        for name, where in {"cheap": cheap, "none": None, "dear": dear}.items()
    }
    nights.run_to_end(as_of=as_of)
    together = {name: suggestion_of(portfolio).cost for name, portfolio in of.items()}
    assert together["none"] < together["cheap"] < together["dear"]
    for name, portfolio in of.items():
        AlertEvent.objects.filter(portfolio=portfolio).delete()
        recomputation.recompute(portfolio_id=portfolio.pk)
        assert suggestion_of(portfolio).cost == pytest.approx(together[name])


def test_a_venue_added_during_the_night_hinders_nobody(hold, as_of, monkeypatch):
    portfolio = hold({"BTC": 8, "SOL": 2}, HALVES)
    read = market_selector.read

    def before(**asked):
        market = read(**asked)
        if not portfolio.venue_id:
            portfolio.venue = venue()
            portfolio.save()
        return market

    monkeypatch.setattr(market_selector, "read", before)
    run = nights.run_to_end(as_of=as_of)
    assert (run.portfolios, run.suggestions) == (1, 1)


def test_a_young_coin_takes_the_returns_of_its_category_never_zero(quotes, coins, as_of):
    young = AssetFactory(symbol="YNG", coingecko_id="young")
    closes = {as_of - timedelta(days=n): 100.0 + n % 7 for n in range(40)}
    quote(quotes, "YNG", closes)
    nights.run_to_end(as_of=as_of)
    market = market_selector.read(as_of=as_of)
    columns = {pk: n for n, pk in enumerate(market.asset_ids.tolist())}
    peers = [columns[coins[symbol].pk] for symbol in ("BTC", "SOL", "UNI")]
    early = market.returns[:-39]
    np.testing.assert_allclose(early[:, columns[young.pk]], early[:, peers].mean(axis=1))
    assert not market.returns[:, columns[coins["USD"].pk]].any()


def test_the_catalogue_brings_venues_with_a_date_and_a_source(db):
    catalogue.load()
    for row in Venue.objects.all():
        assert row.source
        assert 0 <= row.maker_fee <= row.taker_fee
