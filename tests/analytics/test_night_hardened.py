"""What once went wrong in a night, and does not any more."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import time_machine

from analytics import tasks
from analytics.models import NightlyRun, PortfolioResult, RegimeDay, RunChunk
from analytics.selectors import market as market_selector
from analytics.selectors import market_page
from analytics.services import chunks, nights, recomputation, regimes
from portfolios.market_data import csv_directory
from portfolios.models import Asset, DailyPrice
from portfolios.services import price_imports
from tests.analytics.conftest import quote
from tests.factories import AssetFactory

HALVES = {"BTC": "0.5", "SOL": "0.5"}


def test_a_bad_price_file_does_not_hold_up_a_night_that_has_its_prices(
    hold, as_of, quotes, monkeypatch
):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    (quotes / "BTC.csv").write_text("when,what\n2024-07-01,1\n")
    rung: list[int] = []
    monkeypatch.setattr(tasks.advance_night, "delay", rung.append)
    with (
        time_machine.travel(datetime(2024, 7, 2, 1, tzinfo=UTC), tick=False),
        pytest.raises(csv_directory.HeaderError),
    ):
        tasks.tick()
    assert rung == [run.pk]


def test_an_asset_deleted_after_the_night_leaves_the_others_risk_alone(hold, coins, as_of):
    portfolio = hold({"BTC": 5, "USD": 500}, {"BTC": "0.5", "USD": "0.5"})
    nights.run_to_end(as_of=as_of)
    before = PortfolioResult.objects.get(portfolio=portfolio)
    DailyPrice.objects.filter(asset=coins["UNI"]).delete()
    coins["UNI"].delete()
    assert recomputation.recompute(portfolio_id=portfolio.pk)
    after = PortfolioResult.objects.get(portfolio=portfolio)
    assert after.volatility == pytest.approx(before.volatility, rel=1e-12)
    assert after.risk_contributions == pytest.approx(before.risk_contributions)


def test_an_asset_added_during_a_night_costs_its_holder_nothing(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    conditions = market_selector.read(as_of=as_of)
    added = AssetFactory(symbol="NEW")
    DailyPrice.objects.create(asset=added, date=as_of, close=10.0)
    portfolio.holdings.create(asset=added, quantity=1)
    chunks.compute(chunk=chunks.claim(run_id=run.pk), market=conditions)
    assert PortfolioResult.objects.get(portfolio=portfolio).value == pytest.approx(1010)


def test_what_a_letter_was_written_about_is_not_recomputed(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    nights.run_to_end(as_of=as_of)
    DailyPrice.objects.filter(asset=coins["SOL"], date=as_of).update(close=900.0)
    assert recomputation.recompute(portfolio_id=portfolio.pk)
    assert PortfolioResult.objects.get(portfolio=portfolio).status == "in_breach"


def test_chunks_that_halve_at_once_get_numbers_of_their_own(hold, as_of, settings, monkeypatch):
    settings.NIGHT_CHUNK_SIZE = 2
    for _ in range(4):
        hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    RunChunk.objects.filter(run=run).update(attempt=chunks.MAX_ATTEMPTS - 1)
    claimed = [chunks.claim(run_id=run.pk), chunks.claim(run_id=run.pk)]
    for chunk in claimed:
        chunks.fail(chunk=chunk, error=ValueError("planted"))
    halves = RunChunk.objects.filter(run=run, state=RunChunk.State.READY)
    assert len(set(halves.values_list("number", flat=True))) == 4


def test_the_market_page_waits_for_publication(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    nights.run_to_end(as_of=as_of)
    nights.advance(run_id=nights.ensure(as_of=as_of + timedelta(days=1)).pk)
    assert NightlyRun.objects.count() == 2
    assert market_page.read(today=as_of).day.as_of == as_of


def test_a_gap_in_bitcoins_history_is_not_a_daily_return(coins, quotes, as_of):
    """800 calm days, then a jump hidden in a gap of a week: only what follows it is measured."""
    generator = np.random.default_rng(3)
    path = 100 * np.exp(np.cumsum(generator.normal(0, 0.02, 800)))
    days = [as_of - timedelta(days=799 - n) for n in range(800)]
    closes = dict(zip(days, map(float, path), strict=True))
    quote(quotes, "BTC", closes)
    price_imports.refresh(as_of=as_of)
    assert regimes.refresh(as_of=as_of).high_volatility is not None

    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    DailyPrice.objects.filter(asset=bitcoin, date__range=(days[500], days[506])).delete()
    assert regimes.refresh(as_of=as_of).high_volatility is None
    assert RegimeDay.objects.get(date=as_of).realised_volatility is not None


def test_the_day_measured_is_one_that_nearly_every_asset_has(coins, quotes, as_of):
    """One file of three is a day ahead: the others are still to come."""
    ahead = as_of + timedelta(days=4)
    with (quotes / "BTC.csv").open("a") as file:
        file.write(f"{ahead},100,100,100,100,,\n")
    assert price_imports.last_available_day(until=date(2025, 1, 1)) == as_of + timedelta(days=3)
    for symbol in ("SOL", "UNI"):
        with (quotes / f"{symbol}.csv").open("a") as file:
            file.write(f"{ahead},100,100,100,100,,\n")
    assert price_imports.last_available_day(until=date(2025, 1, 1)) == ahead


def test_the_owner_of_a_quarantined_portfolio_is_told(hold, as_of, client):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.run_to_end(as_of=as_of)
    PortfolioResult.objects.filter(portfolio=portfolio).delete()
    client.force_login(portfolio.owner)
    words = "could not calculate this portfolio"
    assert words not in client.get(portfolio.get_absolute_url()).content.decode()
    RunChunk.objects.create(
        run=run,
        number=99,
        first_portfolio_id=portfolio.pk,
        last_portfolio_id=portfolio.pk,
        state=RunChunk.State.QUARANTINED,
    )
    assert words in client.get(portfolio.get_absolute_url()).content.decode()
