"""Did following a suggestion help? Measured at the closes since, beside the backtest kernel."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.core import backtests, drawdowns
from analytics.models import Suggestion, SuggestionLife
from analytics.selectors import suggestion_history
from analytics.services import nights, recomputation, suggestions
from analytics.services.suggestions import Fill
from portfolios.services import price_imports
from tests.analytics.conftest import quote
from tests.factories import HoldingFactory, own_asset

FEE, BEFORE, AFTER = 0.002, 90, 100
TARGETS = np.array([0.5, 0.3, 0.2])
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def closes(coins, quotes, as_of) -> np.ndarray:
    """Closes (n_days, 3) of BTC, SOL and UNI, 90 days up to `as_of` and 100 after."""
    generator = np.random.default_rng(11)
    shocks = generator.normal([0.012, -0.004, 0.0], 0.03, (BEFORE + AFTER, 3))
    paths = 100 * np.exp(np.cumsum(shocks, axis=0))
    first = as_of - timedelta(days=BEFORE - 1)
    for column, symbol in enumerate(("BTC", "SOL", "UNI")):
        days = {first + timedelta(days=n): float(paths[n, column]) for n in range(len(paths))}
        quote(quotes, symbol, days)
    return paths


@pytest.fixture
def portfolio(hold, closes):
    """Bought at its targets on the first day, and left alone since."""
    units = dict(zip(("BTC", "SOL", "UNI"), 10_000 * TARGETS / closes[0], strict=True))
    targets = {"BTC": "0.5", "SOL": "0.3", "UNI": "0.2"}
    return hold(units, targets, fee_rate=str(FEE))


def run_night(as_of: date) -> None:
    """The night, and the prices of the days after it, which are yet to come for it."""
    nights.run_to_end(as_of=as_of)
    price_imports.refresh(as_of=as_of + timedelta(days=AFTER))


def read(portfolio, as_of: date) -> suggestion_history.Told:
    (row,) = suggestion_history.read(portfolio, as_of=as_of).rows
    return row


def test_as_suggested_it_is_the_kernel_s_one_rebalance_against_none(portfolio, closes, as_of):
    run_night(as_of)
    day = BEFORE - 1
    backtest = backtests.run(
        closes,
        [TARGETS, TARGETS],
        signals=[np.arange(len(closes)) == day],
        schedule=[0, -1],
        fee_rate=FEE,
        delay=0,
    )
    followed, untouched = 10_000 * backtest.nav.T
    row = read(portfolio, as_of + timedelta(days=AFTER))
    assert row.value == pytest.approx(untouched[day], rel=1e-6)
    for days, found in (*row.after.items(), (AFTER, row.today)):
        expected = followed[day + days] - untouched[day + days]
        assert found.amount == pytest.approx(expected, rel=1e-5)
        assert found.share == pytest.approx(expected / untouched[day], rel=1e-5)
    window = np.stack([untouched, followed])[:, day : day + 91]
    falls = drawdowns.series(window).min(axis=1)
    assert (row.fall_untouched, row.fall) == pytest.approx(tuple(falls), rel=1e-5)
    assert not row.is_followed


def test_as_recorded_it_is_what_the_trades_are_worth_less_what_was_paid(
    portfolio, coins, closes, as_of
):
    run_night(as_of)
    traded_on = as_of + timedelta(days=3)
    paid = closes[BEFORE + 2, 0] * 1.01
    SuggestionLife.objects.update(
        state="done",
        ended_on=traded_on,
        fills_on=traded_on,
        fill_asset_ids=[coins["BTC"].pk, coins["SOL"].pk],
        fill_quantities=[-2.0, 1.5],
        fill_prices=[paid, 95.0],
        fill_fees=[1.0, 0.5],
    )
    row = read(portfolio, as_of + timedelta(days=AFTER))
    assert row.is_followed
    for days in (30, 90):
        then = closes[BEFORE - 1 + 3 + days]
        expected = -2 * (then[0] - paid) + 1.5 * (then[1] - 95) - 1.5
        assert row.after[days].amount == pytest.approx(expected, rel=1e-6)


def test_before_its_days_have_passed_it_is_too_early_to_say(portfolio, as_of):
    run_night(as_of)
    fresh = read(portfolio, as_of)
    assert [*fresh.after.values(), fresh.today, fresh.fall] == [None] * 4
    for days, known in ((29, [False, False]), (30, [True, False]), (90, [True, True])):
        row = read(portfolio, as_of + timedelta(days=days))
        assert [found is not None for found in row.after.values()] == known
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:suggestion-history", args=[portfolio.pk])).text
    assert page.count("too early to say") == 4 + 4  # of the row, and of the averages
    assert "Did following help?" in page


def test_what_its_owner_prices_is_not_guessed(portfolio, as_of):
    cabin = own_asset(owner=portfolio.owner, prices={as_of - timedelta(days=9): 10.0})
    HoldingFactory(portfolio=portfolio, asset=cabin, quantity=Decimal(1))
    run_night(as_of)
    row = read(portfolio, as_of + timedelta(days=40))
    assert "has a price on every day" in row.problem
    assert row.today is None


def test_a_mean_is_told_of_five_or_more_with_its_error(portfolio, as_of):
    run_night(as_of)
    life = SuggestionLife.objects.get()
    for n in range(4):
        SuggestionLife.objects.update(ended_on=as_of)
        SuggestionLife.objects.create(
            portfolio=portfolio, run=life.run, revision=life.revision, level=n
        )
    history = suggestion_history.read(portfolio, as_of=as_of + timedelta(days=35))
    followed, _, others, late = history.tallies
    assert (followed.count, followed.says_something, late.count) == (0, False, 0)
    assert (others.count, others.says_something) == (5, True)
    assert others.mean == pytest.approx(history.rows[0].after[30].share)
    assert others.error == pytest.approx(0, abs=1e-12)


def test_fifty_take_as_many_queries_as_one(portfolio, as_of):
    run_night(as_of)
    life = SuggestionLife.objects.get()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            suggestion_history.read(portfolio, as_of=as_of + timedelta(days=40))
        return len(captured)

    few = queries()
    assert few <= 5
    SuggestionLife.objects.update(ended_on=as_of)
    SuggestionLife.objects.bulk_create(
        SuggestionLife(
            portfolio=portfolio, run=life.run, revision=life.revision, level=1, ended_on=as_of
        )
        for _ in range(70)
    )
    assert queries() == few
    history = suggestion_history.read(portfolio, as_of=as_of + timedelta(days=40))
    assert (len(history.rows), history.is_cut) == (50, True)


def test_what_was_done_through_the_form_s_service_is_measured_as_recorded(portfolio, coins, as_of):
    run_night(as_of)
    now = datetime(2025, 1, 2, tzinfo=UTC)
    fill = Fill(coins["BTC"], Decimal("-1"), Decimal(200), Decimal(1), date(2025, 1, 1))
    life = suggestions.current(portfolio)
    suggestions.mark_done(life=life, by=portfolio.owner, now=now, fills=[fill])
    row = read(portfolio, as_of + timedelta(days=AFTER))
    assert row.is_followed
    assert row.today is None, "the market has not come to the day of the trade"
    recomputation.recompute(portfolio_id=portfolio.pk)
    assert Suggestion.objects.filter(revision=life.revision).exists()
