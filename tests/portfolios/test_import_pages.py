"""The pages of an import: what each state shows, and that no file breaks any of them."""

import random
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolios import tasks
from portfolios.models import ColumnMapping, Import, Portfolio, TickerChoice
from portfolios.services import imports
from tests.factories import AssetFactory, PortfolioFactory, UserFactory
from tests.portfolios.test_imports import (
    BOUGHT,
    NOW,
    State,
    held,
    portfolio,
    run,
    statement,
    upload,
)

__all__ = ["portfolio"]  # a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(portfolio, client: Client, monkeypatch) -> Client:
    """Its owner, with a worker who comes at once."""
    monkeypatch.setattr(tasks.carry_out_import, "delay_on_commit", tasks.carry_out_import)
    client.force_login(portfolio.owner)
    return client


def send(owner: Client, portfolio: Portfolio, content: bytes, name: str = "a.csv"):
    file = SimpleUploadedFile(name, content, content_type="text/csv")
    address = reverse("portfolios:import-list", args=[portfolio.pk])
    return owner.post(address, {"file": file}, follow=True)


def post(owner: Client, action: str, *, follow: bool = True, **fields: object):
    import_run = Import.objects.get()
    address = reverse(f"portfolios:import-{action}", args=[import_run.portfolio_id, import_run.pk])
    return owner.post(address, fields, follow=follow)


def test_from_a_file_to_the_ledger_and_back(owner, portfolio):
    page = send(owner, portfolio, statement(*BOUGHT, "3 Dance ETH 1"), "hist<b>ory.csv").text
    assert "hist&lt;b&gt;ory.csv" in page
    assert "Binance statement" in page
    assert "2 new transactions" in page
    assert "Operation: “Dance” is not an operation that is known here." in page
    refused = post(owner, "confirm")
    assert refused.status_code == 422
    assert "Some rows cannot be read." in refused.text
    done = post(owner, "confirm", leave_out_refused="on").text
    assert "2 transactions imported" in done
    assert held(portfolio) == {"BTC": 1, "ETH": 6}
    undone = post(owner, "undo").text
    assert "taken out again" in undone
    assert held(portfolio) == {}


def test_tickers_are_asked_about_with_their_candidates_and_answers_can_be_changed(owner, portfolio):
    first = AssetFactory(symbol="TWIN", name="First twin")
    second = AssetFactory(symbol="TWIN", name="Second twin")
    page = send(owner, portfolio, statement("1 Deposit TWIN 5", "2 Deposit ODD 7")).text
    assert "What are these?" in page
    assert "First twin" in page
    assert "Second twin" in page
    lacking = post(owner, "tickers", **{"ticker-0": "other", "other-0": "nothing"})
    assert lacking.status_code == 422
    assert "Choose what ODD is from the list." in lacking.text
    typed = f"TWIN · First twin ({first.coingecko_id})"
    page = post(owner, "tickers", **{"other-0": typed, "ticker-1": second.pk}).text
    assert "2 new transactions" in page
    chosen = {each.ticker: each.asset for each in TickerChoice.objects.all()}
    assert chosen == {"ODD": first, "TWIN": second}
    assert "What are these?" in post(owner, "tickers", again="ODD").text
    assert "1 new transaction" in post(owner, "tickers", rest="leave-out").text
    assert TickerChoice.objects.get(ticker="ODD").asset is None


def test_somebody_else_s_asset_cannot_be_chosen(owner, portfolio):
    AssetFactory(symbol="TWIN"), AssetFactory(symbol="TWIN")
    stranger = AssetFactory(symbol="TWIN", owner=UserFactory(), coingecko_id=None)
    send(owner, portfolio, statement("1 Deposit TWIN 5"))
    assert post(owner, "tickers", **{"ticker-0": stranger.pk}).status_code == 422
    assert not TickerChoice.objects.exists()


def test_columns_dates_and_shortfalls_are_asked_about_one_after_another(owner, portfolio):
    content = b"When,What,How many\n03/04/2024,ETH,3\n05/04/2024,ETH,-5\n"
    assert "Say what its columns are" in send(owner, portfolio, content).text
    lacking = post(owner, "answers", at="When")
    assert lacking.status_code == 422
    assert "Say which columns have the asset and its quantity." in lacking.text
    page = post(owner, "answers", at="When", asset="What", quantity="How many").text
    assert "What is 03/04/2024?" in page
    assert ColumnMapping.objects.get().owner == portfolio.owner
    page = post(owner, "answers", day_first="no").text
    assert "1 row takes more than is there" in page
    assert "On 4 May 2024 at 12:00 UTC it takes 2 ETH more than is there." in page
    assert post(owner, "answers", decide="shortfalls").status_code == 422
    assert "3 new transactions" in post(owner, "answers", shortfalls="opening").text
    post(owner, "confirm")
    assert held(portfolio) == {}
    assert Import.objects.get().added == 3


def test_the_clock_of_a_file_without_one_is_the_reader_s_own_until_they_say(owner, portfolio):
    content = b"Type,Buy,Cur.,Sell,Cur.,Fee,Cur.,Exchange,Group,Comment,Date\n"
    content += b"Deposit,1,BTC,-,,-,,,,,20.09.2019 13:00:00\n"
    page = send(owner, portfolio, content).text
    assert "The file names no time zone." in page
    assert "20 Sep 2019, 13:00" in page
    page = post(owner, "answers", time_zone="Europe/Berlin").text
    assert post(owner, "answers", time_zone="Mars/Olympus").status_code == 422
    assert Import.objects.get().rows.get().entry["at"] == "2019-09-20T11:00:00+00:00"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "This is a ZIP archive or a spreadsheet."),
        (b"one\ntwo\n", "This is not a table."),
        (b"a,b\n" * 500_000, "The file is larger than 1 MB."),
        (b"a,b\n" * 1_500_000, "The file is larger than 1 MB."),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence_and_not_kept(
    owner, portfolio, content, words
):
    answer = send(owner, portfolio, content)
    assert answer.status_code == 422
    assert words in answer.text
    assert not Import.objects.exists()


def test_no_file_at_all_is_refused(owner, portfolio):
    address = reverse("portfolios:import-list", args=[portfolio.pk])
    assert "Choose a file." in owner.post(address).text


def test_another_portfolio_s_import_is_not_found_under_one_s_own(owner, portfolio):
    import_run = upload(PortfolioFactory(owner=portfolio.owner), statement("1 Deposit ETH 1"))
    address = reverse("portfolios:import", args=[portfolio.pk, import_run.pk])
    assert owner.get(address).status_code == 404


def test_a_portfolio_can_be_made_from_a_file(owner, portfolio):
    address = reverse("portfolios:portfolio-create")
    page = owner.post(address, {"name": "History", "start": "file"}, follow=True)
    assert page.redirect_chain[-1][0].endswith("/imports/")
    assert "Import a file" in page.text


def test_progress_asks_again_until_the_import_has_ended(owner, portfolio):
    import_run = upload(portfolio, statement(*BOUGHT))
    imports.confirm(import_run=import_run, leave_out_refused=False, now=NOW)
    address = reverse("portfolios:import-progress", args=[portfolio.pk, import_run.pk])
    under_way = owner.get(address, headers={"HX-Request": "true"})
    assert "0 of 2 transactions" in under_way.text
    page = owner.get(reverse("portfolios:import", args=[portfolio.pk, import_run.pk]))
    assert "Importing…" in page.text
    tasks.ring_for_imports.apply()
    tasks.carry_out_import(import_run.pk)
    assert owner.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_a_preview_takes_as_many_queries_for_many_rows_as_for_a_few(owner, portfolio):
    def queries(rows: int) -> int:
        content = statement(*(f"{1 + n % 28} Deposit T{n % 30} {n + 1}" for n in range(rows)))
        import_run = upload(portfolio, content)
        address = reverse("portfolios:import", args=[portfolio.pk, import_run.pk])
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(address).status_code == 200
        return len(captured)

    few = queries(3)
    assert queries(600) <= few <= 16


def test_a_list_of_imports_takes_as_many_queries_for_many_as_for_a_few(owner, portfolio):
    run(upload(portfolio, statement(*BOUGHT)))
    address = reverse("portfolios:import-list", args=[portfolio.pk])

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(address).status_code == 200
        return len(captured)

    few = queries()
    Import.objects.bulk_create(
        Import(portfolio=portfolio, file_name=f"{n}.csv", state=State.IMPORTED) for n in range(200)
    )
    assert queries() <= few <= 8


# Damaged files

SEEDS = (
    statement(*BOUGHT, "3 Dance ETH NaN"),
    b"Date,Code,Currency,Price,Quantity,Action,Fee\n12/12/2021,BTCUSD,USD,44558.42,1,buy,0\n",
    b'"txid","refid","time","type","subtype","aclass","asset","amount","fee","balance"\n'
    b'"L1","R1","2021-02-02 10:36:03","deposit","","currency","ZEUR",1000.0000,0.0000,"1"\n',
    b"When;What;How many\n03/04/2024;ETH;1,234\n",
)
DAMAGE = (
    b"",
    b'"',
    b",",
    b";",
    b"\n",
    b"\xff",
    b"\x00",
    b"1e999999",
    b"NaN",
    b"-",
    b"\xe2\x80\xae",
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), cuts=st.integers(0, 8))
def test_no_damaged_file_is_an_error_of_the_server(owner, portfolio, seed, cuts):
    chance = random.Random(seed)
    content = bytearray(chance.choice(SEEDS))
    for _ in range(cuts):
        place = chance.randrange(len(content) + 1)
        content[place : place + chance.randrange(5)] = chance.choice(DAMAGE)
    check_through_the_pages(owner, portfolio, bytes(content), chance)


def test_no_sample_is_an_error_of_the_server(owner, portfolio, shared_data: Path):
    for path in sorted((shared_data / "imports").glob("*/*.csv")):
        check_through_the_pages(owner, portfolio, path.read_bytes(), random.Random(0))


def check_through_the_pages(owner, portfolio, content: bytes, chance: random.Random):
    """Send a file, answer whatever is asked, and import it: each answer is a page."""
    assert send(owner, portfolio, content).status_code in (200, 422)
    answers = (
        {"at": "When", "asset": "What", "quantity": "How many"},
        {"format": "binance-statement"},
        {"day_first": chance.choice(["yes", "no"])},
        {"decimal_comma": chance.choice(["yes", "no"])},
        {"time_zone": "Asia/Kolkata"},
        {"decide": "shortfalls", "shortfalls": chance.choice(["opening", "leave_out"])},
    )
    for fields in answers:
        if Import.objects.exists():
            assert post(owner, "answers", follow=False, **fields).status_code in (302, 422)
    if Import.objects.exists():
        assert post(owner, "tickers", rest="leave-out").status_code in (200, 422)
        confirmed = post(owner, "confirm", follow=False, leave_out_refused="on")
        assert confirmed.status_code in (302, 422)
        assert all(quantity >= 0 for quantity in held(portfolio).values())
        assert post(owner, "undo", follow=False).status_code == 302
        assert not portfolio.transactions.exists()
        Import.objects.all().delete()


def test_a_file_in_windows_own_letters_is_read(owner, portfolio):
    content = BytesIO("When,What,How many,Über\n2024-03-16,ETH,3,für später\n".encode("cp1252"))
    send(owner, portfolio, content.read())
    post(owner, "answers", at="When", asset="What", quantity="How many", note="Über")
    post(owner, "confirm")
    assert portfolio.transactions.get().note == "für später"
