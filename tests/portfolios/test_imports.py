"""From a file to the ledger: looked at first, added once, taken out as a whole."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from portfolios.models import (
    Asset,
    Import,
    ImportRow,
    Portfolio,
    TickerChoice,
    Transaction,
)
from portfolios.services import imports, portfolios, tickers, transactions
from portfolios.services.errors import ConflictError, ImportRefusedError, ShortfallError
from tests.factories import AssetFactory, PortfolioFactory, UserFactory, own_asset

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEADER = "UTC_Time,Account,Operation,Coin,Change,Remark\n"
State, Fate = Import.State, ImportRow.Fate


@pytest.fixture
def portfolio() -> Portfolio:
    for key, symbol, kind in (
        ("bitcoin", "BTC", "coin"), ("ethereum", "ETH", "coin"), ("eur", "EUR", "cash"),
    ):  # fmt: skip
        AssetFactory(coingecko_id=key, symbol=symbol, name=symbol.title(), kind=kind)
    return PortfolioFactory()


def statement(*rows: str) -> bytes:
    """Binance's, of rows such as "3 Deposit BTC 1": the day of January 2024, and so on."""
    lines = []
    for row in rows:
        day, operation, coin, change = row.rsplit(" ", 2)[0].split(" ", 1) + row.rsplit(" ", 2)[1:]
        lines.append(f"2024-01-{int(day):02d} 10:00:00,Spot,{operation},{coin},{change},\n")
    return (HEADER + "".join(lines)).encode()


BOUGHT = ("1 Deposit ETH 10", "2 Buy BTC 1", "2 Sell ETH -4")


def upload(portfolio: Portfolio, content: bytes, name: str = "a.csv") -> Import:
    return imports.upload(portfolio=portfolio, file_name=name, content=content, now=NOW)


def run(import_run: Import, *, chunk: int = 1000, leave_out_refused: bool = False) -> Import:
    """Confirm and carry out to the end."""
    imports.confirm(import_run=import_run, leave_out_refused=leave_out_refused, now=NOW)
    while imports.carry_out(import_id=import_run.pk, now=NOW, chunk=chunk):
        pass
    import_run.refresh_from_db()
    return import_run


def fates(import_run: Import) -> list[tuple[int, str]]:
    return list(import_run.rows.order_by("line", "position").values_list("line", "fate"))


def held(portfolio: Portfolio) -> dict[str, Decimal]:
    return {each.asset.symbol: each.quantity for each in portfolio.holdings.all()}


def test_a_file_is_looked_at_before_anything_is_written(portfolio):
    import_run = upload(portfolio, statement(*BOUGHT))
    assert import_run.state == State.PREVIEWED
    assert fates(import_run) == [(2, "new"), (3, "new")]
    assert not portfolio.transactions.exists()
    portfolio.refresh_from_db()
    assert portfolio.revision == 1


def test_new_rows_are_added_and_holdings_follow(portfolio):
    import_run = run(upload(portfolio, statement(*BOUGHT)))
    assert (import_run.state, import_run.added, import_run.text) == (State.IMPORTED, 2, "")
    assert held(portfolio) == {"BTC": 1, "ETH": 6}
    swap = portfolio.transactions.get(kind="swap")
    assert (swap.at, swap.import_run) == (datetime(2024, 1, 2, 10, tzinfo=UTC), import_run)


def test_the_same_file_again_adds_nothing(portfolio):
    run(upload(portfolio, statement(*BOUGHT)))
    again = upload(portfolio, statement(*BOUGHT))
    assert fates(again) == [(2, "known"), (3, "known")]
    with pytest.raises(ImportRefusedError, match="nothing new"):
        imports.confirm(import_run=again, leave_out_refused=False, now=NOW)


def test_a_longer_file_adds_what_is_new_and_equal_rows_count(portfolio):
    run(upload(portfolio, statement("1 Deposit ETH 10", "1 Deposit ETH 10")))
    longer = upload(portfolio, statement(*["1 Deposit ETH 10"] * 3, "2 Deposit BTC 1"))
    assert [fate for _, fate in fates(longer)] == ["known", "known", "new", "new"]
    assert run(longer).added == 2
    assert held(portfolio) == {"ETH": 30, "BTC": 1}


def test_what_somebody_has_typed_in_is_there_already(portfolio):
    ether = Asset.objects.get(symbol="ETH")
    at = datetime(2024, 1, 1, 10, tzinfo=UTC)
    typed = Transaction(kind="deposit", at=at, received_asset=ether, received_quantity=Decimal(10))
    transactions.add(portfolio=portfolio, entry=typed, now=NOW)
    assert fates(upload(portfolio, statement(*BOUGHT))) == [(2, "known"), (3, "new")]


def test_a_row_that_was_changed_by_hand_since_is_not_added_again(portfolio):
    run(upload(portfolio, statement("1 Deposit ETH 10")))
    entry = portfolio.transactions.get()
    entry.received_quantity = Decimal(9)
    transactions.change(entry=entry, now=NOW)
    assert fates(upload(portfolio, statement("1 Deposit ETH 10"))) == [(2, "known")]


def test_an_import_is_undone_as_a_whole_and_can_be_done_again(portfolio):
    import_run = run(upload(portfolio, statement(*BOUGHT)))
    assert imports.undo(import_run=import_run) == 2
    assert held(portfolio) == {}
    assert not portfolio.transactions.exists()
    with pytest.raises(ConflictError):
        imports.undo(import_run=import_run)
    assert run(upload(portfolio, statement(*BOUGHT))).added == 2


def test_what_something_later_needs_cannot_be_undone(portfolio):
    import_run = run(upload(portfolio, statement("1 Deposit ETH 10")))
    ether = Asset.objects.get(symbol="ETH")
    sold = Transaction(kind="withdrawal", at=NOW, sent_asset=ether, sent_quantity=Decimal(3))
    transactions.add(portfolio=portfolio, entry=sold, now=NOW)
    with pytest.raises(ShortfallError):
        imports.undo(import_run=import_run)
    import_run.refresh_from_db()
    assert import_run.state == State.IMPORTED
    assert held(portfolio) == {"ETH": 7}


# What has to be chosen


def test_a_ticker_of_several_assets_is_asked_about_and_the_answer_is_remembered(portfolio):
    first, second = AssetFactory(symbol="TWIN"), AssetFactory(symbol="TWIN")
    import_run = upload(portfolio, statement("1 Deposit TWIN 5", "2 Deposit BTC 1"))
    assert fates(import_run) == [(2, "choice"), (3, "new")]
    meaning = tickers.meanings(owner=portfolio.owner, tickers=["TWIN"])["TWIN"]
    assert set(meaning.candidates) == {first, second}
    with pytest.raises(ImportRefusedError, match="what each ticker is"):
        imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    tickers.choose(owner=portfolio.owner, chosen={"TWIN": second})
    import_run = imports.answer(import_run=import_run, now=NOW)
    run(import_run)
    assert portfolio.holdings.get(asset=second).quantity == 5
    other = PortfolioFactory(owner=portfolio.owner)
    assert fates(upload(other, statement("1 Deposit TWIN 5"))) == [(2, "new")]
    stranger = PortfolioFactory(owner=UserFactory())
    assert fates(upload(stranger, statement("1 Deposit TWIN 5"))) == [(2, "choice")]


def test_an_unknown_ticker_can_be_an_asset_of_one_s_own_or_be_left_out(portfolio):
    import_run = upload(portfolio, statement("1 Deposit ART 5", "2 Deposit JUNK 7"))
    assert [fate for _, fate in fates(import_run)] == ["choice", "choice"]
    art = own_asset(owner=portfolio.owner, symbol="PAINTING")
    tickers.choose(owner=portfolio.owner, chosen={"ART": art, "JUNK": None})
    import_run = imports.answer(import_run=import_run, now=NOW)
    assert fates(import_run) == [(2, "new"), (3, "left_out")]
    run(import_run)
    assert held(portfolio) == {"PAINTING": 5}


def test_a_ticker_of_an_asset_that_is_no_longer_offered_is_asked_about(portfolio):
    AssetFactory(symbol="OLD", is_active=False)
    assert fates(upload(portfolio, statement("1 Deposit OLD 5"))) == [(2, "choice")]


def test_somebody_else_s_own_asset_is_no_candidate(portfolio):
    own_asset(owner=UserFactory(), symbol="ART")
    meaning = tickers.meanings(owner=portfolio.owner, tickers=["ART"])["ART"]
    assert meaning.candidates == ()


def test_two_tickers_of_one_asset_are_no_trade(portfolio):
    staked = statement("1 Deposit ETH 5", "2 ETH 2.0 Staking ETH -2", "2 ETH 2.0 Staking BETH 2")
    ether = Asset.objects.get(symbol="ETH")
    tickers.choose(owner=portfolio.owner, chosen={"BETH": ether})
    import_run = upload(portfolio, staked)
    assert fates(import_run) == [(2, "new"), (3, "left_out")]


def test_a_fee_in_something_left_out_does_not_cost_its_row(portfolio):
    tickers.choose(owner=portfolio.owner, chosen={"BNB": None})
    import_run = run(upload(portfolio, statement(*BOUGHT, "2 Fee BNB -0.01")))
    assert (import_run.added, held(portfolio)) == (2, {"BTC": 1, "ETH": 6})


# Rows that take more than is there


def test_rows_that_take_more_than_is_there_say_when_and_how_much(portfolio):
    import_run = upload(portfolio, statement("1 Deposit ETH 10", "3 Withdraw ETH -12"))
    row = import_run.rows.get(fate=Fate.SHORT)
    assert row.reason == "On 3 January 2024 at 10:00 UTC it takes 2 ETH more than is there."
    with pytest.raises(ImportRefusedError, match="take more than is there"):
        imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)


def test_they_can_be_left_out(portfolio):
    import_run = upload(portfolio, statement("1 Deposit ETH 10", "3 Withdraw ETH -12"))
    import_run = imports.answer(import_run=import_run, now=NOW, shortfalls="leave_out")
    assert fates(import_run) == [(2, "new"), (3, "left_out")]
    run(import_run)
    assert held(portfolio) == {"ETH": 10}


def test_or_a_balance_opens_the_history(portfolio):
    content = statement("1 Deposit ETH 10", "3 Withdraw ETH -12", "4 Withdraw BTC -1")
    import_run = imports.answer(
        import_run=upload(portfolio, content), now=NOW, shortfalls="opening"
    )
    assert [fate for _, fate in fates(import_run)] == ["new"] * 5
    run(import_run)
    assert held(portfolio) == {}
    openings = portfolio.transactions.filter(kind="balance").order_by("at")
    assert [(each.received_asset.symbol, each.received_quantity) for each in openings] == [
        ("ETH", 2), ("BTC", 1),
    ]  # fmt: skip
    assert all(fate == "known" for _, fate in fates(upload(portfolio, content)))


def test_money_comes_from_outside_unless_the_portfolio_follows_its_cash(portfolio):
    bought = statement("2 Buy BTC 1", "2 Buy EUR -100")
    assert fates(upload(portfolio, bought)) == [(2, "new")]
    Portfolio.objects.update(follows_cash=True)
    assert fates(upload(Portfolio.objects.get(), bought)) == [(2, "short")]


# Rows that are refused


def test_refused_rows_are_named_and_nothing_is_imported_before_they_are_left_out(portfolio):
    content = statement("1 Deposit ETH 10", "2 Deposit BTC NaN", "3 Dance BTC 1")
    import_run = upload(portfolio, content)
    refused = import_run.rows.filter(fate=Fate.REFUSED).order_by("line")
    assert [(row.line, row.column, row.reason) for row in refused] == [
        (3, "Change", "“NaN” is not a number."),
        (4, "Operation", "“Dance” is not an operation that is known here."),
    ]
    with pytest.raises(ImportRefusedError, match="cannot be read"):
        imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    assert not portfolio.transactions.exists()
    assert run(import_run, leave_out_refused=True).added == 1


def test_a_file_that_cannot_be_read_leaves_nothing(portfolio):
    kept = upload(portfolio, statement("1 Deposit ETH 10"))
    with pytest.raises(ImportRefusedError, match="ZIP archive"):
        upload(portfolio, b"PK\x03\x04")
    assert list(portfolio.imports.all()) == [kept]
    upload(portfolio, statement("2 Deposit ETH 10"))
    assert portfolio.imports.get() != kept


# Columns


def test_columns_are_asked_for_once_a_header(portfolio):
    content = b"When,What,How much\n2024-01-05,ETH,3\n"
    import_run = upload(portfolio, content)
    assert import_run.state == State.ASKING
    columns = {"at": "When", "asset": "What", "quantity": "How much"}
    import_run = imports.answer(import_run=import_run, now=NOW, columns=columns)
    assert fates(import_run) == [(2, "new")]
    other = PortfolioFactory(owner=portfolio.owner)
    assert upload(other, content).state == State.PREVIEWED
    assert upload(PortfolioFactory(), content).state == State.ASKING


# On a worker


def test_an_import_goes_on_where_its_last_chunk_ended(portfolio):
    rows = [f"{1 + n % 28} Deposit ETH {n + 1}" for n in range(25)]
    import_run = upload(portfolio, statement(*rows))
    imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    assert imports.carry_out(import_id=import_run.pk, now=NOW, chunk=10)
    import_run.refresh_from_db()
    assert (import_run.done, import_run.total) == (10, 25)
    assert imports.unfinished() == [import_run.pk]
    while imports.carry_out(import_id=import_run.pk, now=NOW, chunk=10):
        pass
    assert imports.unfinished() == []
    assert portfolio.transactions.count() == 25
    assert held(portfolio) == {"ETH": sum(range(1, 26))}
    assert not imports.carry_out(import_id=import_run.pk, now=NOW, chunk=10)


def test_a_part_of_a_history_may_fall_short_where_the_whole_does_not(portfolio):
    """The row of the ledger needs what a later chunk brings."""
    ether = Asset.objects.get(symbol="ETH")
    for kind, day, leg in (("deposit", 1, "received"), ("withdrawal", 20, "sent")):
        entry = Transaction(kind=kind, at=datetime(2024, 1, day, tzinfo=UTC))
        setattr(entry, f"{leg}_asset", ether)
        setattr(entry, f"{leg}_quantity", Decimal(5))
        transactions.add(portfolio=portfolio, entry=entry, now=NOW)
    rows = ("3 Deposit ETH 1", "4 Withdraw ETH -1")
    import_run = upload(portfolio, statement(*rows))
    ImportRow.objects.filter(line=2).update(position=10)  # out comes before in
    assert run(import_run, chunk=1).added == 2


def test_what_cannot_be_added_after_all_is_a_preview_again_and_says_why(portfolio):
    import_run = upload(portfolio, statement("1 Deposit ETH 10", "3 Withdraw ETH -8"))
    imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    imports.carry_out(import_id=import_run.pk, now=NOW, chunk=1)
    ether = Asset.objects.get(symbol="ETH")
    ImportRow.objects.filter(line=3).update(
        entry={**ImportRow.objects.get(line=3).entry, "sent": {
            "ticker": "ETH", "quantity": "80", "asset": ether.pk}}
    )  # fmt: skip
    assert not imports.carry_out(import_id=import_run.pk, now=NOW, chunk=1)
    import_run.refresh_from_db()
    assert import_run.state == State.PREVIEWED
    assert import_run.outcome.endswith("Nothing was imported.")
    assert not portfolio.transactions.exists()
    assert fates(imports.refresh(import_run=import_run, now=NOW)) == [(2, "new"), (3, "new")]


def test_an_import_that_never_ends_is_given_up_and_taken_out(portfolio):
    import_run = upload(portfolio, statement(*BOUGHT))
    imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    imports.carry_out(import_id=import_run.pk, now=NOW, chunk=1)
    Import.objects.update(attempt=imports.MAX_ATTEMPTS)
    assert not imports.carry_out(import_id=import_run.pk, now=NOW)
    import_run.refresh_from_db()
    assert (import_run.state, held(portfolio)) == (State.PREVIEWED, {})


def test_a_portfolio_that_changed_is_looked_at_again_before_anything_is_added(portfolio):
    import_run = upload(portfolio, statement(*BOUGHT))
    portfolios.rename(portfolio=portfolio, name="Another", expected_revision=None)
    with pytest.raises(ConflictError, match="has changed since"):
        imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    import_run = Import.objects.select_related("portfolio").get()
    run(imports.refresh(import_run=import_run, now=NOW))


def test_a_deleted_portfolio_gets_nothing(portfolio):
    import_run = upload(portfolio, statement(*BOUGHT))
    imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    portfolios.delete(portfolio=portfolio)
    assert not imports.carry_out(import_id=import_run.pk, now=NOW)
    assert not Transaction.objects.exists()
    assert imports.unfinished() == []


# What is kept


def test_text_goes_with_the_import_and_forgotten_files_and_rows_go_after_days(portfolio):
    done = run(upload(portfolio, statement(*BOUGHT)))
    forgotten = upload(portfolio, statement("5 Deposit ETH 1"))
    assert imports.purge() == 0
    long_ago = timezone.now() - timedelta(days=8)
    Import.objects.filter(pk=forgotten.pk).update(created_at=long_ago)
    Import.objects.filter(pk=done.pk).update(finished_at=long_ago)
    assert imports.purge() == 1
    done.refresh_from_db()
    assert (done.text, done.rows.count(), done.tickers) == ("", 0, {})
    assert portfolio.transactions.count() == 2
    assert imports.undo(import_run=done) == 2


def test_a_choice_of_ticker_goes_with_its_asset(portfolio):
    art = own_asset(owner=portfolio.owner, symbol="ART")
    tickers.choose(owner=portfolio.owner, chosen={"X": art})
    art.delete()
    assert not TickerChoice.objects.exists()
