"""Costs, lots and realised gains out of a ledger."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from portfolios.models import Asset, LotChoice, Portfolio, ReferenceRate, Transaction
from portfolios.selectors import gains
from portfolios.services import portfolios, transactions
from tests.factories import AssetFactory, DailyPriceFactory, PortfolioFactory
from tests.portfolios.test_ledger import entry

pytestmark = pytest.mark.django_db

Kind = Transaction.Kind
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def usd() -> Asset:
    return AssetFactory(coingecko_id="usd", symbol="USD", kind=Asset.Kind.CASH)


@pytest.fixture
def eur() -> Asset:
    euro = AssetFactory(coingecko_id="eur", symbol="EUR", kind=Asset.Kind.CASH)
    ReferenceRate.objects.create(asset=euro, date=date(2025, 1, 3), rate=Decimal("1.25"))
    return euro


@pytest.fixture
def btc() -> Asset:
    return AssetFactory(symbol="BTC", name="=Bitcoin")


@pytest.fixture
def eth() -> Asset:
    return AssetFactory(symbol="ETH")


@pytest.fixture
def portfolio(usd) -> Portfolio:
    return PortfolioFactory(name="@risk")


def on(month: int, day: int, year: int = 2025) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def record(portfolio: Portfolio, *lines: Transaction) -> gains.Report:
    transactions.add_many(portfolio=portfolio, entries=lines, now=NOW)
    portfolio.refresh_from_db()
    return gains.read(portfolio)


def told(report: gains.Report) -> list[tuple[Decimal | None, Decimal | None]]:
    return [(gain.disposal.proceeds, gain.disposal.cost) for gain in report.gains]


def test_fees_are_a_part_of_the_cost_and_go_off_the_proceeds(portfolio, btc, usd):
    report = record(
        portfolio,
        entry(Kind.BUY, on(1, 6), received=("2", btc), sent=("100", usd), fee=("2", usd)),
        entry(Kind.SELL, on(2, 6), sent=("1", btc), received=("80", usd), fee=("3", usd)),
    )
    assert told(report) == [(Decimal(77), Decimal(51))]
    assert [row.lot.cost for row in report.open_lots] == [Decimal(51)]
    (gain,) = report.of_year(2025).gains
    assert (gain.days_held, report.of_year(2025).total) == (31, Decimal(26))


def test_a_currency_counts_at_the_rate_of_its_day_or_of_the_friday_before(portfolio, btc, eur):
    report = record(
        portfolio,
        entry(Kind.BUY, on(1, 5), received=("1", btc), sent=("100", eur)),  # a Sunday
        entry(Kind.BUY, on(1, 20), received=("1", btc), sent=("100", eur)),  # no rate for weeks
        entry(Kind.BUY, on(1, 2), received=("1", btc), sent=("100", eur)),  # before the first
    )
    assert [row.lot.cost for row in report.open_lots] == [None, Decimal("125.00"), None]


def test_a_cost_that_nobody_knows_stays_unknown_whatever_the_prices_are(portfolio, btc, usd):
    for day in (date(2025, 1, 6), date(2025, 2, 6)):
        DailyPriceFactory(asset=btc, date=day, close=77.0)
    report = record(
        portfolio,
        entry(Kind.BALANCE, on(1, 6), received=("1", btc)),
        entry(Kind.SELL, on(2, 6), sent=("1", btc), received=("90", usd)),
    )
    assert told(report) == [(Decimal(90), None)]
    found = report.of_year(2025)
    assert (found.total, found.unknown) == (Decimal(0), 1)


def test_a_swap_counts_what_was_said_and_else_the_close_of_its_day(portfolio, btc, eth, usd):
    DailyPriceFactory(asset=eth, date=date(2025, 2, 6), close=30.0)
    report = record(
        portfolio,
        entry(Kind.BUY, on(1, 6), received=("3", btc), sent=("150", usd)),
        entry(Kind.SWAP, on(2, 5), sent=("1", btc), received=("2", eth), value=("70", usd)),
        entry(Kind.SWAP, on(2, 6), sent=("1", btc), received=("2", eth)),
        entry(Kind.SWAP, on(2, 7), sent=("1", btc), received=("2", eth)),  # no close
    )
    assert told(report) == [
        (None, Decimal(50)),
        (Decimal(60), Decimal(50)),
        (Decimal(70), Decimal(50)),
    ]
    assert [row.lot.cost for row in report.open_lots] == [Decimal(70), Decimal(60), None]


def test_income_costs_what_it_was_worth_and_a_fee_in_coins_is_a_sale(portfolio, btc, usd):
    DailyPriceFactory(asset=btc, date=date(2025, 1, 6), close=50.0)
    DailyPriceFactory(asset=btc, date=date(2025, 1, 8), close=80.0)
    report = record(
        portfolio,
        entry(Kind.INCOME, on(1, 6), received=("2", btc)),
        entry(Kind.TRANSFER, on(1, 8), sent=("1", btc), received=("1", btc), fee=("0.5", btc)),
    )
    assert told(report) == [(Decimal("40.0"), Decimal(25))]
    assert [(r.lot.quantity, r.lot.acquired_at) for r in report.open_lots] == [
        (Decimal("1.5"), on(1, 6))
    ]


def test_the_method_is_the_portfolio_s_own(portfolio, btc, usd):
    lines = [
        entry(Kind.BUY, on(1, 6), received=("1", btc), sent=("10", usd)),
        entry(Kind.BUY, on(1, 7), received=("1", btc), sent=("30", usd)),
        entry(Kind.BUY, on(1, 8), received=("1", btc), sent=("20", usd)),
        entry(Kind.SELL, on(1, 9), sent=("1", btc), received=("50", usd)),
    ]
    record(portfolio, *lines)
    first, sale = lines[0], lines[3]
    LotChoice.objects.create(sale=sale, purchase=first, quantity=Decimal("0.5"))
    costs = {}
    for method in Portfolio.LotMethod:
        portfolios.update_ledger(
            portfolio=portfolio, lot_method=method, follows_cash=False, expected_revision=None
        )
        portfolio.refresh_from_db()
        costs[method.value] = sum(cost or 0 for _, cost in told(gains.read(portfolio)))
    assert costs == {"fifo": 10, "lifo": 20, "hifo": 30, "specific": 10}


class TestThePage:
    @pytest.fixture
    def client(self, portfolio, btc, usd) -> Client:
        record(
            portfolio,
            entry(Kind.BUY, on(1, 6, 2024), received=("3", btc), sent=("300", usd)),
            entry(Kind.SELL, on(2, 6, 2024), sent=("1", btc), received=("130", usd)),
            entry(Kind.SELL, on(2, 6, 2025), sent=("1", btc), received=("70.5", usd)),
        )
        client = Client()
        client.force_login(portfolio.owner)
        return client

    def test_it_shows_the_newest_year_and_any_other(self, client, portfolio):
        address = reverse("portfolios:gains", args=[portfolio.pk])
        newest = client.get(address).content.decode()
        assert "Realised gains of 2025" in newest
        assert "−29.50" in newest
        earlier = client.get(address, {"year": 2024}).content.decode()
        assert "+30.00" in earlier
        for nonsense in ("1999", "x", "9" * 50):
            assert "of 2025" in client.get(address, {"year": nonsense}).content.decode()

    def test_the_csv_has_exact_numbers_and_no_formulas(self, client, portfolio):
        address = reverse("portfolios:gains-csv", args=[portfolio.pk, 2025])
        (row,) = csv.DictReader(io.StringIO(client.get(address).content.decode()))
        assert row["name"] == "'=Bitcoin"
        assert (row["quantity"], row["days_held"]) == ("1", "397")
        assert Decimal(row["gain_usd"]) == Decimal("-29.5")
        none = reverse("portfolios:gains-csv", args=[portfolio.pk, 1999])
        assert client.get(none).content.decode().count("\r\n") == 1

    def test_following_cash_that_never_came_is_refused_with_the_day(self, client, portfolio, usd):
        address = reverse("portfolios:ledger-settings", args=[portfolio.pk])
        typed = {"revision": portfolio.revision, "lot_method": "lifo"}
        refused = client.post(address, typed | {"follows_cash": "on"})
        assert refused.status_code == 422
        assert "On 6 January 2024 at 12:00 UTC that is 300 USD more" in refused.content.decode()
        assert client.post(address, typed).status_code == 302
        portfolio.refresh_from_db()
        assert portfolio.lot_method == "lifo"
        transactions.add(
            portfolio=portfolio,
            entry=entry(Kind.DEPOSIT, on(1, 1, 2024), received=("300", usd)),
            now=NOW,
        )
        typed["revision"] = portfolio.revision
        assert client.post(address, typed | {"follows_cash": "on"}).status_code == 302
        assert portfolio.holdings.get(asset__symbol="USD").quantity == Decimal("200.5")


class TestChoosingLots:
    @pytest.fixture
    def sale(self, portfolio, btc, usd) -> Transaction:
        lines = [
            entry(Kind.BUY, on(1, 6), received=("1", btc), sent=("10", usd)),
            entry(Kind.BUY, on(1, 7), received=("1", btc), sent=("30", usd)),
            entry(Kind.SELL, on(1, 9), sent=("1.5", btc), received=("75", usd)),
        ]
        record(portfolio, *lines)
        Portfolio.objects.update(lot_method="specific")
        return lines[2]

    def choose(self, sale: Transaction, *quantities: str):
        client = Client()
        client.force_login(sale.portfolio.owner)
        address = reverse("portfolios:sale-lots", args=[sale.portfolio_id, sale.pk])
        page = client.get(address)
        names = [field.html_name for _, field in page.context["form"].rows()]
        typed = dict(zip(names, quantities, strict=True))
        revision = Portfolio.objects.get(pk=sale.portfolio_id).revision
        return client.post(address, typed | {"revision": revision})

    def test_a_sale_takes_what_was_chosen_and_the_oldest_for_the_rest(self, sale):
        assert self.choose(sale, "", "1").status_code == 302
        portfolio = Portfolio.objects.get()
        report = gains.read(portfolio)
        assert sum(cost or 0 for _, cost in told(report)) == Decimal(35)
        assert [row.lot.quantity for row in report.open_lots] == [Decimal("0.5")]
        copy = portfolios.clone(portfolio=portfolio)
        assert told(gains.read(copy)) == told(report)
        assert self.choose(sale, "", "").status_code == 302
        assert not LotChoice.objects.filter(sale=sale).exists()

    def test_no_more_than_a_lot_or_the_sale_has(self, sale):
        for quantities, words in (
            (("1.1", ""), "That lot has 1 left"),
            (("1", "0.6"), "More is chosen than was sold"),
            (("x", ""), "Enter a number"),
            (("-1", ""), "above zero"),
        ):
            refused = self.choose(sale, *quantities)
            assert refused.status_code == 422
            assert words in refused.content.decode()
        assert not LotChoice.objects.exists()
