"""What sells are taxed, lot by lot, from the ledger to the night, the page and its table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isnan

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.models import Suggestion
from analytics.selectors import portfolio_pages
from analytics.services import nights, plan_pages, plans, proposals, sold_lots, taxes
from analytics.services.plan_pages import ImpossiblePlan
from analytics.services.shown_plans import Asked, Mode, Plan
from analytics.services.taxes import LotTable
from portfolios.models import Asset, Portfolio, Transaction
from portfolios.selectors import gains, open_lots
from portfolios.services import transactions
from tests.analytics.conftest import quote
from tests.analytics.test_plans import cases
from tests.analytics.test_verdicts import venue
from tests.factories import (
    AssetFactory,
    PortfolioFactory,
    TargetWeightFactory,
    TransactionFactory,
)
from tests.portfolios.test_ledger import entry

METHODS = ("fifo", "lifo", "hifo", "specific")
AS_OF = date(2024, 6, 30)
RATES = {"short_term_tax": "0.4", "long_term_tax": "0.1"}


# --- Properties, on random plans and lots ---------------------------------------------------------


@st.composite
def taxed(draw):
    """A plan of a few portfolios, and lots that add up to what each holds."""
    values, targets, terms = draw(cases())
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    (b, n), each = values.shape, draw(st.integers(1, 5))
    closes = 10 ** generator.uniform(-3, 4, (b, n))
    shares = generator.dirichlet(np.ones(each), (b, n))
    quantities = (shares * (values / closes)[:, :, None]).ravel()
    costs = np.repeat(closes.ravel(), each) * generator.uniform(0.2, 3, b * n * each)
    costs[generator.random(len(costs)) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    days = np.sort(generator.integers(0, 1000, (b, n, each)))[:, :, ::-1].ravel()
    portfolios = [
        Portfolio(
            lot_method=draw(st.sampled_from(METHODS)),
            short_term_tax=Decimal(draw(st.integers(0, 60))) / 100,
            long_term_tax=Decimal(draw(st.integers(0, 60))) / 100,
            long_term_days=draw(st.integers(0, 800)),
        )
        for _ in range(b)
    ]
    lots = LotTable(
        portfolios=portfolios,
        n=n,
        rows=np.repeat(np.arange(b), n * each),
        columns=np.tile(np.repeat(np.arange(n), each), b),
        quantities=quantities,
        unit_costs=costs,
        acquired=np.datetime64(AS_OF) - days,
        is_money=np.zeros((b, n), dtype=bool),
    )
    return values, closes, lots, plans.draw(values, terms, proposals.to_target(values, targets))


@given(taxed())
@settings(max_examples=80, deadline=None)
def test_the_cost_shown_is_that_of_the_trades_and_of_the_lots_shown(case):
    _, closes, lots, drawn = case
    sales = taxes.sell(lots, drawn, closes, as_of=AS_OF)
    plan = taxes.levied(drawn, sales, np.arange(len(closes)))
    for row, portfolio in enumerate(lots.portfolios):
        due = 0.0
        for n in np.flatnonzero(lots.rows == row):
            if isnan(lots.unit_costs[n]):
                continue
            column = lots.columns[n]
            amount = drawn.amounts[row, column]
            cost = (drawn.fees + drawn.spreads + drawn.impacts)[row, column]
            net = closes[row, column] * (1 - cost / abs(amount)) if amount < 0 else 0.0
            held = (np.datetime64(AS_OF) - lots.acquired[n]).astype(int)
            is_long = held > portfolio.long_term_days
            rate = float(portfolio.long_term_tax if is_long else portfolio.short_term_tax)
            due += sales.sold[n] * (net - lots.unit_costs[n]) * rate
        trading = (drawn.fees + drawn.spreads + drawn.impacts)[row].sum()
        assert plan.tax[row] == pytest.approx(max(due, 0), rel=1e-9, abs=1e-9)
        assert plan.cost[row] == pytest.approx(trading + max(due, 0), rel=1e-9, abs=1e-9)


@given(taxed())
@settings(max_examples=80, deadline=None)
def test_what_is_sold_comes_out_of_lots_no_lot_twice_and_unknown_ones_are_named(case):
    values, closes, lots, drawn = case
    sales = taxes.sell(lots, drawn, closes, as_of=AS_OF)
    assert ((sales.sold >= 0) & (sales.sold <= lots.quantities * (1 + 1e-12))).all()
    units = np.bincount(lots.rows * lots.n + lots.columns, sales.sold, values.size)
    wanted = np.maximum(-drawn.amounts, 0) / closes
    np.testing.assert_allclose(units.reshape(values.shape), wanted, rtol=1e-9, atol=1e-12)
    unknown = np.isnan(lots.unit_costs) & (sales.sold > 0)
    assert np.isnan(sales.of_trades[lots.rows[unknown], lots.columns[unknown]]).all()
    assert np.isnan(sales.gain[unknown]).all()
    assert np.isfinite(sales.due).all()


@given(taxed())
@settings(max_examples=40, deadline=None)
def test_alone_a_portfolio_is_taxed_as_it_is_in_a_batch(case):
    _, closes, lots, drawn = case
    together = taxes.sell(lots, drawn, closes, as_of=AS_OF)
    for row, portfolio in enumerate(lots.portfolios):
        mine = lots[lots.rows == row]
        alone = replace(mine, portfolios=[portfolio], rows=mine.rows * 0)
        apart = taxes.sell(alone, drawn.only(np.array([row])), closes[[row]], as_of=AS_OF)
        np.testing.assert_array_equal(apart.sold, together.sold[lots.rows == row])
        assert apart.due[0] == pytest.approx(together.due[row], rel=1e-12)


@given(taxed())
@settings(max_examples=60, deadline=None)
def test_a_loss_is_listed_once_in_the_plan_or_beside_it(case):
    _, closes, lots, drawn = case
    mine = lots[lots.rows == 0]
    mine = replace(mine, portfolios=lots.portfolios[:1], is_money=lots.is_money[:1])
    sales = taxes.sell(mine, drawn.only(np.array([0])), closes[:1], as_of=AS_OF)
    positions = [_Priced(close) for close in closes[0]]
    found = sold_lots.harvest(sales, positions, as_of=AS_OF, fee_rate=0.0, bought=())
    left = mine.quantities - sales.sold
    at_a_loss = mine.unit_costs > closes[0][mine.columns]
    expected = (left * (mine.unit_costs - closes[0][mine.columns]))[at_a_loss & (left > 0)]
    expected = expected[expected >= sold_lots.LEAST]
    assert found.count == len(expected)
    assert found.loss == pytest.approx(expected.sum())


class _Priced:
    """As much of a position as a loss needs."""

    def __init__(self, close: float) -> None:
        self.close = close


# --- The night and the page -----------------------------------------------------------------------

pages = pytest.mark.django_db(transaction=True)


def lot(asset: Asset, quantity: str, price: str | None, days: int, usd: Asset) -> Transaction:
    """A purchase so many days before the night; without a price nobody knows its cost."""
    at = datetime.combine(AS_OF - timedelta(days=days), datetime.min.time(), UTC)
    legs = {"received": (quantity, asset)}
    if price is not None:
        legs["sent"] = (str(Decimal(quantity) * Decimal(price)), usd)
    return entry(Transaction.Kind.BUY, at, **legs)


def hold_lots(
    coins, lots: Sequence[tuple[str, str, str | None, int]], targets: dict[str, str], **fields
) -> Portfolio:
    portfolio = PortfolioFactory(fee_rate=0, **fields)
    lines = [lot(coins[symbol], *rest, coins["USD"]) for symbol, *rest in lots]
    now = datetime(2024, 7, 1, tzinfo=UTC)
    transactions.add_many(portfolio=portfolio, entries=lines, now=now)
    for symbol, weight in targets.items():
        TargetWeightFactory(portfolio=portfolio, asset=coins[symbol], weight=Decimal(weight))
    portfolio.refresh_from_db()
    return portfolio


# 8 BTC at 100 each: 3 are sold. Long ago and dear, long ago and cheap, lately in between.
LOTS = [
    ("BTC", "2", "140", 900), ("BTC", "3", "20", 500), ("BTC", "3", "60", 10),
    ("SOL", "2", "150", 20),
]  # fmt: skip
GIFTS = [("BTC", "8", "0.000001", 10), ("SOL", "2", "0.000001", 10)]
HALVES = {"BTC": "0.5", "SOL": "0.5"}
# Units of each lot, and the tax: 40 % short-term, 10 % long-term.
BY_HAND = {
    "fifo": ([2, 1, 0], 0.1 * (1 * 80 - 2 * 40)),
    "lifo": ([0, 0, 3], 0.4 * 3 * 40),
    "hifo": ([2, 0, 1], 0.4 * 40 - 0.1 * 80),
    "specific": ([2, 1, 0], 0.1 * 80 - 0.1 * 80),
}


def plan_of(portfolio, **asked) -> Plan:
    reading = portfolio_pages.read(portfolio, run=portfolio_pages.current_run())
    assert reading is not None
    return plan_pages.draw(portfolio, reading, Asked(**asked))


@pages
def test_each_method_takes_its_lots_and_the_night_s_cost_is_the_page_s(coins, as_of):
    held = {
        method: hold_lots(coins, LOTS, HALVES, lot_method=method, **RATES) for method in METHODS
    }
    free = hold_lots(coins, LOTS, HALVES)
    nights.run_to_end(as_of=as_of)
    for method, (units, tax) in BY_HAND.items():
        suggestion = Suggestion.objects.get(portfolio=held[method])
        plan = plan_of(held[method])
        (sold,) = [row for row in plan.trades if row.amount < 0]
        taken = {each.acquired_on: each.quantity for each in sold.lots}
        days = [as_of - timedelta(days=days) for days in (900, 500, 10)]
        assert [taken.get(day, 0) for day in days] == pytest.approx(units), method
        assert suggestion.tax == pytest.approx(max(tax, 0), abs=1e-6), method
        assert suggestion.cost == pytest.approx(suggestion.fees + suggestion.tax)
        assert (plan.tax, plan.cost) == pytest.approx((suggestion.tax, suggestion.cost)), method
        assert plan.verdict.break_even_days == pytest.approx(suggestion.break_even_days)
        assert sum(suggestion.taxes) == pytest.approx(plan.net_tax, abs=1e-6)
    untaxed = Suggestion.objects.get(portfolio=free)
    assert (untaxed.tax, untaxed.taxes, untaxed.counts_tax) == (0, [], False)


@pages
def test_tax_can_make_a_rebalance_not_worth_its_cost(coins, as_of):
    cheap = [("BTC", "8", "1", 10), ("SOL", "2", "100", 10)]
    taxed = hold_lots(coins, cheap, HALVES, **RATES)
    free = hold_lots(coins, cheap, HALVES)
    nights.run_to_end(as_of=as_of)
    answers = dict(Suggestion.objects.values_list("portfolio", "answer"))
    assert answers == {
        taxed.pk: Suggestion.Answer.NOT_WORTH_IT, free.pk: Suggestion.Answer.ACT
    }  # fmt: skip


@pages
def test_who_does_not_count_tax_has_no_lot_read(coins, as_of):
    hold_lots(coins, LOTS, HALVES)
    with CaptureQueriesContext(connection) as captured:
        nights.run_to_end(as_of=as_of)
    assert not [each for each in captured if "portfolios_transaction" in each["sql"]]


@pages
def test_lots_of_some_assets_are_what_the_whole_ledger_says_of_them(coins):
    """Swaps, fees in coins and a token that became another included."""
    portfolio = hold_lots(coins, LOTS, HALVES)
    btc, sol, uni = coins["BTC"], coins["SOL"], coins["UNI"]
    at = datetime.combine(AS_OF - timedelta(days=5), datetime.min.time(), UTC)
    lines = [
        entry(Transaction.Kind.SWAP, at, sent=("1", sol), received=("3", uni), fee=("0.5", btc)),
        entry(Transaction.Kind.SWAP, at + timedelta(1), sent=("1", btc), received=("2", sol)),
    ]
    now = datetime(2024, 7, 1, tzinfo=UTC)
    transactions.add_many(portfolio=portfolio, entries=lines, now=now)
    new = AssetFactory(symbol="NEW", category=uni.category)
    TransactionFactory(
        portfolio=portfolio, kind=Transaction.Kind.MIGRATION, at=at + timedelta(2),
        sent_asset=uni, sent_quantity=2, received_asset=new, received_quantity=20,
    )  # fmt: skip
    whole = open_lots.read([portfolio])[portfolio.pk]
    assert {each.asset for each in whole} == {btc.pk, sol.pk, uni.pk, new.pk}
    on_the_page = [each.lot for each in gains.read(portfolio).open_lots]
    assert sorted(whole, key=str) == sorted(on_the_page, key=str)
    for asset in (btc, sol, uni, new):
        some = open_lots.read([portfolio], only={portfolio.pk: [asset.pk]})[portfolio.pk]
        mine = [each for each in some if each.asset == asset.pk]
        assert mine == [each for each in whole if each.asset == asset.pk]


@pages
def test_an_unknown_cost_is_named_and_not_guessed(coins, as_of):
    lots = [("BTC", "2", None, 900), ("BTC", "6", "50", 10), ("SOL", "2", "100", 10)]
    portfolio = hold_lots(coins, lots, HALVES, **RATES)
    nights.run_to_end(as_of=as_of)
    plan = plan_of(portfolio)
    assert [row.position.name for row in plan.of_unknown_cost] == ["BTC"]
    assert plan.tax == pytest.approx(0.4 * 50)  # of the third coin, whose cost is known
    suggestion = Suggestion.objects.get(portfolio=portfolio)
    assert suggestion.tax == pytest.approx(plan.tax)
    assert sorted(map(isnan, suggestion.taxes)) == [False, True]
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:rebalance", args=[portfolio.pk])).text
    assert "Without the tax on BTC:" in page
    assert "nobody has said what it cost" in page


@pages
def test_raised_cash_is_what_is_left_after_the_tax(coins, as_of):
    lots = [("BTC", "8", "20", 10), ("SOL", "2", "100", 10)]
    portfolio = hold_lots(coins, lots, HALVES, lot_method="specific", **RATES)
    nights.run_to_end(as_of=as_of)
    plan = plan_of(portfolio, mode=Mode.RAISE, cash=Decimal(100))
    # Of 100 that a coin brings, 80 are gain and 32 are tax.
    (sold,) = plan.trades
    assert sold.size == pytest.approx(100 / 0.68, rel=1e-4)
    assert plan.leftover_cash == pytest.approx(100, abs=0.01)
    with pytest.raises(ImpossiblePlan, match="before at least"):
        plan_of(portfolio, mode=Mode.RAISE, cash=Decimal(900))


@pages
def test_cash_that_tax_takes_whole_is_refused(coins, as_of):
    """Of what was all but a gift nothing is left at 100 % tax, however much of it is sold."""
    rates = {"short_term_tax": "1", "long_term_tax": "1"}
    portfolio = hold_lots(coins, GIFTS, HALVES, lot_method="fifo", **rates)
    nights.run_to_end(as_of=as_of)
    with pytest.raises(ImpossiblePlan, match="at most about .* before at least"):
        plan_of(portfolio, mode=Mode.RAISE, cash=Decimal(1))


@pages
def test_cash_is_raised_even_where_most_of_it_is_tax(coins, as_of):
    rates = {"short_term_tax": "0.8", "long_term_tax": "0.8"}
    portfolio = hold_lots(coins, GIFTS, HALVES, lot_method="fifo", **rates)
    nights.run_to_end(as_of=as_of)
    plan = plan_of(portfolio, mode=Mode.RAISE, cash=Decimal(100))
    assert plan.leftover_cash == pytest.approx(100, abs=0.01)
    assert plan.tax == pytest.approx(400, abs=0.1)


@pages
def test_losses_beside_the_plan_say_what_goes_first_and_what_the_plan_buys(coins, as_of):
    portfolio = hold_lots(coins, LOTS, HALVES, lot_method="fifo", **RATES)
    nights.run_to_end(as_of=as_of)
    losses = plan_of(portfolio).losses
    assert losses is not None
    # The dear lot of BTC is sold by the plan: only SOL is left at a loss, and the plan buys it.
    assert [(row.position.name, row.lot.gain, row.is_bought) for row in losses.rows] == [
        ("SOL", pytest.approx(-100), True)
    ]
    assert (losses.loss, losses.saving) == pytest.approx((100, 40))
    portfolio.lot_method = "lifo"
    first, second = plan_of(portfolio).losses.rows
    assert (first.position.name, second.position.name) == ("SOL", "BTC")
    assert second.behind == pytest.approx(3)  # the plan sells the youngest; then come these


@pages
def test_only_what_is_marked_trades_in_every_way(coins, as_of):
    portfolio = hold_lots(
        coins,
        [("BTC", "6", "50", 10), ("SOL", "2", "50", 10), ("UNI", "2", "50", 10)],
        {"BTC": "0.4", "SOL": "0.3", "UNI": "0.3"},
    )
    nights.run_to_end(as_of=as_of)
    only = [coins["BTC"].pk, coins["SOL"].pk]
    for mode in Mode:
        plan = plan_of(portfolio, mode=mode, cash=Decimal(50), only=only)
        assert plan.trades, mode
        assert {row.position.name for row in plan.trades} <= {"BTC", "SOL"}, mode
    (skipped,) = plan_of(portfolio, only=only).skipped
    assert (skipped.position.name, skipped.skipped) == ("UNI", "not among the only ones to trade")


@pages
def test_the_table_has_the_lots_their_gain_and_their_tax(coins, as_of):
    portfolio = hold_lots(coins, LOTS, HALVES, lot_method="lifo", **RATES)
    nights.run_to_end(as_of=as_of)
    client = Client()
    client.force_login(portfolio.owner)
    answer = client.get(reverse("analytics:rebalance-csv", args=[portfolio.pk]))
    first, second = csv.DictReader(io.StringIO(answer.content.decode()))
    assert first["lots_sold"] == f"{as_of - timedelta(days=10)}:3"
    assert float(first["gain_usd"]) == pytest.approx(120)
    assert float(first["tax_usd"]) == pytest.approx(48)
    assert float(first["units_after"]) == pytest.approx(5)
    assert (second["lots_sold"], second["gain_usd"]) == ("", "")


@pages
def test_thirty_holdings_of_five_lots_take_no_more_queries_than_two(coins, quotes, as_of):
    few = hold_lots(coins, LOTS, HALVES, venue=venue(lot_value=1), **RATES)
    many = PortfolioFactory(venue=few.venue, lot_method="specific", **RATES)
    generator = np.random.default_rng(3)
    for n in range(30):
        asset = AssetFactory(symbol=f"M{n}", cap_rank=n + 1)
        path = 100 * np.exp(np.cumsum(generator.normal(0, 0.03, 400)))
        days = {as_of - timedelta(days=399 - d): float(close) for d, close in enumerate(path)}
        quote(quotes, f"M{n}", days)
        lines = [lot(asset, "0.5", str(60 + 20 * each), 30 * each, coins["USD"])
                 for each in range(1, 6)]  # fmt: skip
        now = datetime(2024, 7, 1, tzinfo=UTC)
        transactions.add_many(portfolio=many, entries=lines, now=now)
        weight = Decimal("0.0333") if n else Decimal(1) - 29 * Decimal("0.0333")
        TargetWeightFactory(portfolio=many, asset=asset, weight=weight)
    nights.run_to_end(as_of=as_of)
    counted = []
    for portfolio in (few, many):
        client = Client()
        client.force_login(portfolio.owner)
        address = reverse("analytics:rebalance", args=[portfolio.pk])
        with CaptureQueriesContext(connection) as captured:
            page = client.get(address)
        assert page.status_code == 200
        assert page.context["plan"].losses.rows
        counted.append(len(captured))
    assert counted[0] >= counted[1]
    assert counted[0] <= 32


@pages
def test_rates_come_together_or_not_at_all(coins, hold):
    portfolio = hold({"BTC": 1}, {"BTC": "1"})
    client = Client()
    client.force_login(portfolio.owner)
    address = reverse("portfolios:rules", args=[portfolio.pk])
    asked = {
        "revision": portfolio.revision, "order_type": "taker", "risk_aversion": "3",
        "short_term_tax": "42.5", "long_term_days": "365",
    }  # fmt: skip
    refused = client.post(address, asked)
    assert (refused.status_code, "Give both rates" in refused.text) == (422, True)
    assert client.post(address, {**asked, "long_term_tax": "0"}).status_code == 302
    portfolio.refresh_from_db()
    assert (portfolio.short_term_tax, portfolio.long_term_tax) == (Decimal("0.425"), 0)
    assert portfolio.counts_tax
