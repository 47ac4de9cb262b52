"""The night on real PostgreSQL: what it computes, and what it never does twice."""

import json
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Notification, OutgoingEmail
from analytics.core import rebalancing
from analytics.models import (
    AlertEvent,
    BreachEpisode,
    NightlyRun,
    PortfolioResult,
    RunChunk,
    Suggestion,
)
from analytics.selectors import market as market_selector
from analytics.services import chunks, measurements, nights, publishing, recomputation
from tests.analytics.conftest import quote, rehold
from tests.factories import AssetFactory, PortfolioFactory, staff

HALVES = {"BTC": "0.5", "SOL": "0.5"}


def result_of(portfolio, **lookup) -> PortfolioResult:
    return PortfolioResult.objects.get(portfolio=portfolio, **lookup)


def by_asset(result, field: str) -> dict[int, float]:
    return dict(zip(result.asset_ids, getattr(result, field), strict=True))


def hashes() -> list[tuple]:
    """Everything a night wrote, without the ids that a sequence gives."""
    queries = (
        "SELECT md5(r::text) FROM analytics_portfolioresult r ORDER BY portfolio_id, revision",
        "SELECT portfolio_id, revision, cost, amounts FROM analytics_suggestion ORDER BY 1, 2",
        "SELECT portfolio_id, opened_on, closed_on, calm_nights FROM analytics_breachepisode "
        "ORDER BY 1, 2",
        "SELECT dedupe_key, recipient FROM accounts_outgoingemail ORDER BY 1",
    )
    rows = []
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query)
            rows += cursor.fetchall()
    return rows


def test_value_weights_and_drift_are_those_of_a_hand_calculation(hold, coins, as_of):
    portfolio = hold(
        {"BTC": 6, "SOL": "3.5", "USD": 50}, {"BTC": "0.5", "SOL": "0.45", "USD": "0.05"}
    )
    nights.run_to_end(as_of=as_of)
    result = result_of(portfolio)
    assert result.value == pytest.approx(6 * 100 + 3.5 * 100 + 50)
    assert by_asset(result, "weights") == pytest.approx(
        {coins["BTC"].pk: 0.6, coins["SOL"].pk: 0.35, coins["USD"].pk: 0.05}
    )
    assert result.worst_drift == pytest.approx(0.10)
    assert result.status == "in_breach"
    assert sum(result.risk_contributions) == pytest.approx(result.volatility)
    assert by_asset(result, "risk_contributions")[coins["USD"].pk] == 0
    assert result.risk_coverage == 1


def test_the_suggested_trades_pay_their_fee_and_lead_back_to_the_targets(hold, coins, as_of):
    portfolio = hold({"BTC": 8, "SOL": 2}, HALVES, fee_rate="0.002")
    nights.run_to_end(as_of=as_of)
    suggestion = Suggestion.objects.get(portfolio=portfolio)
    amounts = by_asset(suggestion, "amounts")
    after = np.array([800 + amounts[coins["BTC"].pk], 200 + amounts[coins["SOL"].pk]])
    assert after[0] == pytest.approx(after[1])
    assert suggestion.cost == pytest.approx(0.002 * sum(map(abs, suggestion.amounts)))
    assert after.sum() == pytest.approx(1000 - suggestion.cost)
    assert suggestion.quantities == pytest.approx([amount / 100 for amount in suggestion.amounts])


def test_every_status_is_told_apart(hold, coins, as_of):
    unpriced = AssetFactory(symbol="NEW")
    cases = {
        "in_balance": hold({"BTC": 5.2, "SOL": 4.8}, HALVES),
        "in_breach": hold({"BTC": 9, "SOL": 1}, HALVES),
        "no_targets": hold({"BTC": 1}, {}),
        "empty": hold({}, HALVES),
        "unpriced": hold({"BTC": 9, "SOL": 1}, HALVES),
    }
    cases["unpriced"].holdings.create(asset=unpriced, quantity=1)
    nothing_at_all = PortfolioFactory()
    run = nights.run_to_end(as_of=as_of)
    statuses = {name: result_of(portfolio).status for name, portfolio in cases.items()}
    assert statuses == {name: name for name in cases}
    assert result_of(nothing_at_all).status == "empty"
    assert (run.portfolios, run.in_breach, run.suggestions, run.emails_queued) == (6, 1, 1, 1)


def test_exactly_on_the_edge_of_the_band_is_inside(hold, as_of):
    portfolio = hold({"BTC": "5.5", "SOL": "4.5"}, HALVES)
    nights.run_to_end(as_of=as_of)
    assert result_of(portfolio).status == "in_balance"


def test_a_young_asset_counts_in_value_but_its_risk_is_said_to_be_unknown(hold, quotes, as_of):
    young = AssetFactory(symbol="YNG")
    quote(quotes, "YNG", {as_of - timedelta(days=1): 90.0, as_of: 100.0})
    portfolio = hold({"BTC": 3}, {"BTC": "1"})
    alone = hold({"BTC": 3}, {"BTC": "1"})
    portfolio.holdings.create(asset=young, quantity=1)
    nights.run_to_end(as_of=as_of)
    result = result_of(portfolio)
    assert result.value == pytest.approx(400)
    assert result.risk_coverage == pytest.approx(0.75)
    assert result.volatility == pytest.approx(result_of(alone).volatility)


def test_the_band_widens_while_volatility_is_high(hold, as_of, monkeypatch):
    portfolio = hold({"BTC": 58, "SOL": 42}, HALVES)
    run = nights.run_to_end(as_of=as_of)
    assert result_of(portfolio).status == "in_breach"
    run.delete()
    BreachEpisode.objects.all().delete()

    def stormy(*, as_of, read=market_selector.read):
        calm = read(as_of=as_of)
        return type(calm)(**{**vars(calm), "high_volatility": True})

    monkeypatch.setattr(market_selector, "read", stormy)
    nights.run_to_end(as_of=as_of)
    assert result_of(portfolio).band == pytest.approx(0.10)
    assert result_of(portfolio).status == "in_balance"


def test_a_night_run_twice_changes_nothing(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    hold({"BTC": 5, "SOL": 5}, HALVES)
    first = nights.run_to_end(as_of=as_of)
    before = hashes()
    again = nights.run_to_end(as_of=as_of)
    assert again.pk == first.pk
    assert hashes() == before


def test_small_chunks_give_the_same_rows_as_one(hold, as_of, settings):
    for quantity in range(1, 10):
        hold({"BTC": quantity, "SOL": 10 - quantity}, HALVES)
    run = nights.run_to_end(as_of=as_of)
    rows = PortfolioResult.objects.order_by("portfolio").values_list(
        "portfolio", "value", "weights", "risk_contributions"
    )
    one = list(rows)
    run.delete()
    settings.NIGHT_CHUNK_SIZE = 2
    run = nights.run_to_end(as_of=as_of)
    assert run.chunks.count() == 5
    assert list(rows.all()) == one


def test_one_message_an_episode_and_not_one_a_night(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    for day in range(3):
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    assert Notification.objects.get(user=portfolio.owner).letter == OutgoingEmail.objects.get()
    episode = BreachEpisode.objects.get()
    assert (episode.opened_on, episode.closed_on) == (as_of, None)
    assert AlertEvent.objects.get().portfolio == portfolio


def test_an_episode_closes_after_two_calm_nights_and_a_new_breach_writes_again(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    nights.run_to_end(as_of=as_of)
    rehold(portfolio, coins["BTC"], 1)
    nights.run_to_end(as_of=as_of + timedelta(days=1))
    assert BreachEpisode.objects.get().closed_on is None
    nights.run_to_end(as_of=as_of + timedelta(days=2))
    assert BreachEpisode.objects.get().closed_on == as_of + timedelta(days=2)
    rehold(portfolio, coins["BTC"], 9)
    nights.run_to_end(as_of=as_of + timedelta(days=3))
    told = Notification.objects.filter(user=portfolio.owner).order_by("pk")
    assert [item.kind for item in told] == ["drift", "balance", "drift"]


def test_a_night_between_the_calm_line_and_the_band_starts_the_count_again(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    for day, bitcoin in enumerate(["9", "1", "1.19", "1"]):  # 1.19 : 1 is 4.3 points off, 86 % of 5
        rehold(portfolio, coins["BTC"], bitcoin)
        nights.run_to_end(as_of=as_of + timedelta(days=day))
    episode = BreachEpisode.objects.get()
    assert (episode.calm_nights, episode.closed_on) == (1, None)


def test_who_wants_no_alerts_gets_none(hold, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    portfolio.owner.alert_preference = "none"
    portfolio.owner.save()
    run = nights.run_to_end(as_of=as_of)
    assert (run.in_breach, run.emails_queued) == (1, 0)
    assert not OutgoingEmail.objects.exists()


def test_an_older_night_is_stored_but_neither_shown_nor_mailed(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    newer = nights.run_to_end(as_of=as_of)
    OutgoingEmail.objects.all().delete()
    older = nights.run_to_end(as_of=as_of - timedelta(days=1))
    assert older.state == NightlyRun.State.PUBLISHED
    assert NightlyRun.objects.get(is_current=True) == newer
    assert not OutgoingEmail.objects.exists()


def test_readers_see_the_previous_night_until_the_new_one_is_whole(hold, as_of, settings):
    settings.NIGHT_CHUNK_SIZE = 1
    hold({"BTC": 9, "SOL": 1}, HALVES)
    hold({"BTC": 9, "SOL": 1}, HALVES)
    first = nights.run_to_end(as_of=as_of)
    second = nights.advance(run_id=nights.ensure(as_of=as_of + timedelta(days=1)).pk)
    chunk = chunks.claim(run_id=second.pk)
    chunks.compute(chunk=chunk, market=market_selector.read(as_of=second.as_of))
    nights.advance(run_id=second.pk)
    assert NightlyRun.objects.get(is_current=True) == first
    nights.run_to_end(as_of=second.as_of)
    assert NightlyRun.objects.get(is_current=True) == second


def test_a_worker_that_comes_back_late_loses_and_leaves_nothing(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    conditions = market_selector.read(as_of=as_of)
    late = chunks.claim(run_id=run.pk)
    RunChunk.objects.update(lease_until=Now() - timedelta(minutes=1))
    prompt = chunks.claim(run_id=run.pk)
    assert prompt.attempt == late.attempt + 1
    with pytest.raises(chunks.LostLease):
        chunks.compute(chunk=late, market=conditions)
    assert not PortfolioResult.objects.exists()
    chunks.compute(chunk=prompt, market=conditions)
    assert PortfolioResult.objects.count() == 1
    with pytest.raises(chunks.LostLease):
        chunks.compute(chunk=prompt, market=conditions)
    assert PortfolioResult.objects.count() == 1


def test_a_leased_chunk_is_nobody_elses(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.advance(run_id=nights.ensure(as_of=as_of).pk)
    assert chunks.claim(run_id=run.pk) is not None
    assert chunks.claim(run_id=run.pk) is None


def poison(monkeypatch, *portfolios) -> None:
    """Make the core stumble over these portfolios."""
    fine = measurements.measure
    at_fault = {portfolio.pk for portfolio in portfolios}

    def stumble(batch, market):
        if at_fault & set(batch.portfolio_ids.tolist()):
            raise FloatingPointError("planted")
        return fine(batch, market)

    monkeypatch.setattr(measurements, "measure", stumble)


def test_a_poisoned_portfolio_is_quarantined_alone_and_the_rest_is_published(
    hold, as_of, monkeypatch
):
    made = [hold({"BTC": 9, "SOL": 1}, HALVES) for _ in range(9)]
    poison(monkeypatch, made[4])
    run = nights.run_to_end(as_of=as_of)
    assert run.state == NightlyRun.State.PUBLISHED
    assert run.portfolios == 8
    quarantined = RunChunk.objects.get(state=RunChunk.State.QUARANTINED)
    assert quarantined.first_portfolio_id == quarantined.last_portfolio_id == made[4].pk
    assert "planted" in quarantined.problem


def test_too_many_failures_withhold_the_night(hold, as_of, monkeypatch):
    made = [hold({"BTC": 9, "SOL": 1}, HALVES) for _ in range(8)]
    poison(monkeypatch, *made[: publishing.MAX_QUARANTINED + 1])
    member = staff()
    run = nights.run_to_end(as_of=as_of)
    assert run.state == NightlyRun.State.WITHHELD
    assert "6 of 8" in run.problem
    assert not NightlyRun.objects.filter(is_current=True).exists()
    told = OutgoingEmail.objects.get()
    assert told.recipient == member.email
    assert "6 of 8" in told.text


def test_an_edit_is_recomputed_beside_what_the_night_saw(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    run = nights.run_to_end(as_of=as_of)
    rehold(portfolio, coins["BTC"], 1)
    portfolio.refresh_from_db()
    for _ in range(2):
        assert recomputation.recompute(portfolio_id=portfolio.pk)
    assert result_of(portfolio, revision=1).status == "in_breach"
    assert result_of(portfolio, revision=2).status == "in_balance"
    assert result_of(portfolio, revision=2).run == run
    assert [s.revision for s in portfolio.suggestions.all()] == [1]


def test_without_a_night_there_is_nothing_to_recompute(hold):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    assert recomputation.recompute(portfolio_id=portfolio.pk) is False


def test_the_command_prints_the_night_as_json(hold, as_of):
    hold({"BTC": 9, "SOL": 1}, HALVES)
    output = StringIO()
    call_command("nightly", "--as-of", str(as_of), "--json", stdout=output)
    figures = json.loads(output.getvalue())
    assert figures.pop("seconds") > 0
    assert figures == {
        "as_of": "2024-06-30",
        "state": "published",
        "regime": "unknown",  # 90 days are too few for a percentile of a year
        "portfolios": 1,
        "in_breach": 1,
        "suggestions": 1,
        "emails_queued": 1,
        "quarantined": 0,
    }


def test_a_day_beyond_the_data_is_refused_and_leaves_no_run(hold, as_of):
    with pytest.raises(CommandError, match="newest day in the data is 2024-07-03"):
        call_command("nightly", "--as-of", "2025-01-01")
    with pytest.raises(CommandError, match="data begin later"):
        call_command("nightly", "--as-of", "2001-01-01")
    with pytest.raises(CommandError, match="is not over yet"):
        call_command("nightly", "--as-of", str(timezone.now().date()))
    with pytest.raises(CommandError, match="Write it as 2024-12-31"):
        call_command("nightly", "--as-of", "yesterday")
    assert not NightlyRun.objects.exists()


def test_trades_of_the_core_are_what_is_stored(hold, coins, as_of):
    portfolio = hold({"BTC": 9, "SOL": 1}, HALVES)
    nights.run_to_end(as_of=as_of)
    expected = rebalancing.trades_to_target(
        np.array([[900.0, 100.0]]), np.array([[0.5, 0.5]]), np.array([0.001])
    )
    assert Suggestion.objects.get(portfolio=portfolio).amounts == pytest.approx(
        expected.amounts[0].tolist()
    )
