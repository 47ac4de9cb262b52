"""The ledger and the holdings that follow from it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from accounts.services import erasure
from portfolios.models import Asset, Holding, LotChoice, Portfolio, Transaction
from portfolios.selectors import ledger
from portfolios.services import holdings, portfolios, transactions
from portfolios.services.errors import (
    ConflictError,
    LedgerError,
    QuantityError,
    ShortfallError,
)
from tests.factories import (
    AssetFactory,
    HoldingFactory,
    PortfolioFactory,
    TransactionFactory,
    UserFactory,
    own_asset,
)

pytestmark = pytest.mark.django_db

Kind = Transaction.Kind
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)


def entry(kind: str, at: datetime, **legs: tuple[str | int, Asset]) -> Transaction:
    """A line of the ledger; each leg is (quantity, asset)."""
    made = Transaction(kind=kind, at=at)
    for leg, (quantity, asset) in legs.items():
        name = "value" if leg == "value" else f"{leg}_quantity"
        setattr(made, name, Decimal(quantity))
        setattr(made, f"{leg}_asset", asset)
    return made


def held(portfolio: Portfolio) -> dict[str, Decimal]:
    return {row.asset.symbol: row.quantity for row in portfolio.holdings.select_related("asset")}


@pytest.fixture
def portfolio() -> Portfolio:
    return PortfolioFactory()


@pytest.fixture
def btc() -> Asset:
    return AssetFactory(symbol="BTC")


@pytest.fixture
def eth() -> Asset:
    return AssetFactory(symbol="ETH")


@pytest.fixture
def eur() -> Asset:
    return AssetFactory(symbol="EUR", coingecko_id="eur", kind=Asset.Kind.CASH)


def test_holdings_follow_every_kind_of_line(portfolio, btc, eth, eur):
    lines = [
        entry(Kind.BUY, day(0), received=("2", btc), sent=("100", eur), fee=("1", eur)),
        entry(Kind.SWAP, day(1), received=("10", eth), sent=("0.5", btc), fee=("0.01", btc)),
        entry(Kind.SELL, day(2), sent=("1", eth), received=("50", eur), fee=("0.1", eth)),
        entry(Kind.DEPOSIT, day(3), received=("3", btc)),
        entry(Kind.WITHDRAWAL, day(4), sent=("1", btc), fee=("0.001", btc)),
        entry(Kind.TRANSFER, day(5), received=("1", btc), sent=("1", btc), fee=("0.002", btc)),
        entry(Kind.INCOME, day(6), received=("0.25", eth)),
        entry(Kind.FEE, day(7), fee=("0.05", eth)),
        entry(Kind.BALANCE, day(8), sent=("0.1", eth)),
    ]
    assert transactions.add_many(portfolio=portfolio, entries=lines, now=NOW).added == len(lines)
    assert held(portfolio) == {"BTC": Decimal("3.487"), "ETH": Decimal("9.000")}
    portfolio.refresh_from_db()
    assert portfolio.revision == 2  # once, however many lines


def test_in_a_portfolio_that_follows_its_cash_currencies_are_held(eur, btc):
    portfolio = PortfolioFactory(follows_cash=True)
    lines = [
        entry(Kind.DEPOSIT, day(0), received=("200", eur)),
        entry(Kind.BUY, day(1), received=("2", btc), sent=("100", eur), fee=("1", eur)),
    ]
    transactions.add_many(portfolio=portfolio, entries=lines, now=NOW)
    assert held(portfolio) == {"BTC": Decimal(2), "EUR": Decimal(99)}
    spent = entry(Kind.BUY, day(2), received=("1", btc), sent=("99.5", eur))
    with pytest.raises(ShortfallError, match=r"On 3 January 2025 at 12:00 UTC that is 0.5 EUR"):
        transactions.add(portfolio=portfolio, entry=spent, now=NOW)


def test_more_than_is_held_at_that_moment_is_refused_with_the_date_and_what_is_missing(
    portfolio, btc
):
    transactions.add(
        portfolio=portfolio, entry=entry(Kind.BUY, day(5), received=("2", btc)), now=NOW
    )
    early = entry(Kind.SELL, day(4), sent=("0.5", btc))
    with pytest.raises(ShortfallError) as refusal:
        transactions.add(portfolio=portfolio, entry=early, now=NOW)
    assert str(refusal.value) == (
        "On 5 January 2025 at 12:00 UTC that is 0.5 BTC more than is held. "
        "Add what came in before, or correct the quantity or the date."
    )
    assert portfolio.transactions.count() == 1
    assert held(portfolio) == {"BTC": Decimal(2)}
    at_once = entry(Kind.SELL, day(5), sent=("2", btc))
    transactions.add(portfolio=portfolio, entry=at_once, now=NOW)  # in the same moment is enough
    assert held(portfolio) == {}


def test_a_line_can_be_changed_and_both_assets_follow(portfolio, btc, eth):
    bought = entry(Kind.BUY, day(0), received=("2", btc))
    transactions.add(portfolio=portfolio, entry=bought, now=NOW)
    bought.received_asset, bought.received_quantity = eth, Decimal(7)
    transactions.change(entry=bought, now=NOW)
    assert held(portfolio) == {"ETH": Decimal(7)}


def test_what_was_sold_later_holds_a_line_in_place(portfolio, btc):
    bought, sold = (
        transactions.add(portfolio=portfolio, entry=line, now=NOW)
        for line in (
            entry(Kind.BUY, day(0), received=("2", btc)),
            entry(Kind.SELL, day(1), sent=("2", btc)),
        )
    )
    with pytest.raises(ShortfallError):
        transactions.remove(portfolio=portfolio, ids=[bought.pk])
    bought.at = day(2)
    with pytest.raises(ShortfallError):
        transactions.change(entry=bought, now=NOW)
    transactions.remove(portfolio=portfolio, ids=[bought.pk, sold.pk])
    assert held(portfolio) == {}
    with pytest.raises(ConflictError, match="removed in another tab"):
        transactions.remove(portfolio=portfolio, ids=[sold.pk])


def test_the_same_rows_twice_add_nothing(portfolio, btc):
    def rows() -> list[Transaction]:
        lines = [entry(Kind.BUY, day(n), received=("1", btc)) for n in range(3)]
        for line in lines:
            line.fingerprint = f"row of {line.at}"
        return [*lines, lines[0]]

    first = transactions.add_many(portfolio=portfolio, entries=rows(), now=NOW)
    again = transactions.add_many(portfolio=portfolio, entries=rows(), now=NOW)
    assert (first.added, first.already_there) == (3, 0)
    assert (again.added, again.already_there) == (0, 3)
    assert held(portfolio) == {"BTC": Decimal(3)}
    other = PortfolioFactory(owner=portfolio.owner)
    assert transactions.add_many(portfolio=other, entries=rows(), now=NOW).added == 3


@pytest.mark.parametrize(
    ("kind", "legs", "words"),
    [
        (Kind.BUY, {"sent": "1"}, "“Buy” needs what came in"),
        (Kind.SELL, {"received": "1"}, "“Sell” needs what went out"),
        (Kind.SWAP, {"received": "1"}, "“Swap” needs what went out"),
        (Kind.DEPOSIT, {"received": "1", "sent": "1"}, "“Deposit” cannot have what went out"),
        (Kind.WITHDRAWAL, {}, "“Withdrawal” needs what went out"),
        (Kind.FEE, {"fee": "1", "sent": "1"}, "“Fee” cannot have what went out"),
        (Kind.BALANCE, {"received": "1", "sent": "1"}, "upwards or downwards"),
        (Kind.MIGRATION, {}, "needs the old token or the new one"),
        (Kind.BUY, {"received": "0"}, "above zero"),
        (Kind.BUY, {"received": "NaN"}, "must be a number"),
        (Kind.BUY, {"received": "1e20"}, "below 100,000"),
        (Kind.BUY, {"received": "1e-19"}, "more than 18 decimals"),
        (Kind.BUY, {"received": "1", "value": "1"}, "Choose a currency"),
    ],
)
def test_what_no_line_can_be_is_refused_with_a_sentence(portfolio, kind, legs, words):
    assets = {leg: AssetFactory() for leg in legs}
    made = entry(kind, day(0), **{leg: (amount, assets[leg]) for leg, amount in legs.items()})
    with pytest.raises((LedgerError, QuantityError), match=words):
        transactions.add(portfolio=portfolio, entry=made, now=NOW)
    assert portfolio.transactions.count() == 0


def test_neither_the_future_nor_what_was_before_the_first_block(portfolio, btc):
    for at, words in ((NOW + timedelta(seconds=1), "yet to come"), (day(-9999), "too early")):
        with pytest.raises(LedgerError, match=words):
            transactions.add(
                portfolio=portfolio, entry=entry(Kind.BUY, at, received=("1", btc)), now=NOW
            )


def test_a_transfer_is_of_one_asset_and_a_swap_of_two(portfolio, btc, eth):
    for kind, received, sent in (
        (Kind.TRANSFER, ("1", btc), ("1", eth)),
        (Kind.TRANSFER, ("1", btc), ("2", btc)),
        (Kind.SWAP, ("1", btc), ("1", btc)),
    ):
        with pytest.raises(LedgerError):
            transactions.add(
                portfolio=portfolio,
                entry=entry(kind, day(0), received=received, sent=sent),
                now=NOW,
            )


def test_the_database_refuses_what_the_service_would(portfolio, btc, eth):
    whole = {"portfolio": portfolio, "at": day(0)}
    for kind, fields in (
        (Kind.BUY, {}),
        (Kind.BUY, {"received_asset": btc}),
        (Kind.BUY, {"received_asset": btc, "received_quantity": 0}),
        (Kind.SWAP, {"received_asset": btc, "received_quantity": 1}),
        (Kind.TRANSFER, {}),
        (
            Kind.TRANSFER,
            {
                "received_asset": btc,
                "received_quantity": 1,
                "sent_asset": eth,
                "sent_quantity": 1,
            },
        ),
        (Kind.FEE, {"received_asset": btc, "received_quantity": 1}),
        (Kind.DEPOSIT, {"received_asset": btc, "received_quantity": 1, "value": 1}),
        ("gift", {"received_asset": btc, "received_quantity": 1}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Transaction.objects.create(kind=kind, **whole, **fields)


def test_somebody_elses_own_asset_is_no_leg(portfolio):
    theirs = own_asset(owner=UserFactory())
    with pytest.raises(LedgerError, match="from the list"):
        transactions.add(
            portfolio=portfolio, entry=entry(Kind.BUY, day(0), received=("1", theirs)), now=NOW
        )
    mine = own_asset(owner=portfolio.owner)
    transactions.add(
        portfolio=portfolio, entry=entry(Kind.BUY, day(0), received=("1", mine)), now=NOW
    )
    assert held(portfolio) == {mine.symbol: Decimal(1)}


def test_what_the_person_did_not_see_is_a_conflict(portfolio, btc):
    seen = portfolio.revision
    line = entry(Kind.BUY, day(0), received=("1", btc))
    transactions.add(portfolio=portfolio, entry=line, now=NOW, expected_revision=seen)
    with pytest.raises(ConflictError):
        transactions.remove(portfolio=portfolio, ids=[line.pk], expected_revision=seen)


class TestBalances:
    def test_a_balance_is_a_line_of_the_ledger(self, portfolio, btc):
        holdings.save(
            portfolio=portfolio, asset=btc, quantity=Decimal("12345678901.000000000000000001")
        )
        line = portfolio.transactions.get()
        assert (line.kind, line.received_quantity) == (
            Kind.BALANCE,
            Decimal("12345678901.000000000000000001"),
        )
        assert ledger.differences() == []

    def test_the_corrections_of_a_day_are_one_line(self, portfolio, btc):
        for quantity in ("10", "1", "3"):
            holdings.save(portfolio=portfolio, asset=btc, quantity=Decimal(quantity))
        assert portfolio.transactions.get().received_quantity == Decimal(3)
        holdings.remove(portfolio=portfolio, asset=btc)
        assert portfolio.transactions.count() == 0
        assert held(portfolio) == {}

    def test_a_balance_beside_a_history_is_the_difference_to_it(self, portfolio, btc):
        transactions.add(
            portfolio=portfolio, entry=entry(Kind.BUY, day(0), received=("2", btc)), now=NOW
        )
        holdings.save(portfolio=portfolio, asset=btc, quantity=Decimal("1.5"))
        newest = portfolio.transactions.first()
        assert (newest.kind, newest.sent_quantity) == (Kind.BALANCE, Decimal("0.5"))
        assert held(portfolio) == {"BTC": Decimal("1.5")}

    def test_a_copy_has_the_same_ledger(self, portfolio, btc):
        holdings.save(portfolio=portfolio, asset=btc, quantity=Decimal(2))
        copy = portfolios.clone(portfolio=portfolio)
        assert held(copy) == {"BTC": Decimal(2)}
        assert ledger.differences() == []


class TestRebuilding:
    def test_a_check_names_what_differs_and_changes_nothing(self, capsys):
        HoldingFactory()
        call_command("rebuild_holdings", "--check")
        assert "Every holding is what its ledger adds up to." in capsys.readouterr().out
        wrong = HoldingFactory(quantity=Decimal(5))
        Holding.objects.filter(pk=wrong.pk).update(quantity=Decimal(4))
        with pytest.raises(CommandError, match="1 holdings differ"):
            call_command("rebuild_holdings", "--check")
        assert f"portfolio {wrong.portfolio_id}" in capsys.readouterr().out
        wrong.refresh_from_db()
        assert wrong.quantity == 4

    def test_rebuilt_holdings_are_the_ledgers_sum(self, portfolio, btc):
        right = HoldingFactory()
        wrong = HoldingFactory(quantity=Decimal(5))
        Holding.objects.filter(pk=wrong.pk).update(quantity=Decimal(4))
        TransactionFactory(portfolio=portfolio, received_asset=btc)
        orphan = HoldingFactory()
        orphan.portfolio.transactions.all().delete()
        call_command("rebuild_holdings")
        wrong.refresh_from_db()
        assert wrong.quantity == 5
        assert held(portfolio) == {"BTC": Decimal(1)}
        assert held(orphan.portfolio) == {}
        assert ledger.differences() == []
        right.portfolio.refresh_from_db()
        assert right.portfolio.revision == 1


def test_what_was_held_before_there_was_a_ledger_is_an_opening_balance():
    migration = import_module("portfolios.migrations.0012_opening_balances")
    holding = HoldingFactory(quantity=Decimal("0.000000000000000001"))
    holding.portfolio.transactions.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(migration.OPENING_BALANCES)
    line = holding.portfolio.transactions.get()
    assert (line.kind, line.at) == (Kind.BALANCE, holding.portfolio.created_at)
    assert ledger.differences() == []


def test_the_ledger_goes_with_its_portfolio_and_with_the_account(portfolio, btc, eur):
    mine = own_asset(owner=portfolio.owner)
    lines = [
        entry(Kind.BUY, day(0), received=("2", mine), sent=("100", eur), value=("100", eur)),
        entry(Kind.SWAP, day(1), sent=("1", mine), received=("1", btc), fee=("0.5", mine)),
    ]
    transactions.add_many(portfolio=portfolio, entries=lines, now=NOW)
    LotChoice.objects.create(sale=lines[1], purchase=lines[0], quantity=Decimal(1))
    other = PortfolioFactory(owner=portfolio.owner)
    transactions.add(portfolio=other, entry=entry(Kind.BUY, day(0), received=("1", btc)), now=NOW)
    other.delete()
    assert Transaction.objects.count() == 2
    erasure.erase(user=portfolio.owner)
    assert not Transaction.objects.exists()
    assert not LotChoice.objects.exists()
    assert not Asset.of_anybody.filter(pk=mine.pk).exists()
