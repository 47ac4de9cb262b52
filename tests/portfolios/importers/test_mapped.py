"""A table of nobody's format, once somebody has said what its columns are."""

from zoneinfo import ZoneInfo

import pytest

from portfolios.importers import formats, mapped
from tests.portfolios.importers.conftest import lines, options, read, refusals

SIMPLE = "Datum,Was,Coin,Menge,Preis (EUR),Gebühr\n"
COLUMNS = {
    "at": "Datum", "kind": "Was", "asset": "Coin", "quantity": "Menge", "price": "Preis (EUR)",
}  # fmt: skip


def test_an_unknown_header_asks_for_its_columns():
    assert formats.questions(SIMPLE + "2021-01-16,Kauf,BTC,1,2,0\n", options()).columns
    gone = {**COLUMNS, "at": "Date"}
    assert formats.questions(SIMPLE + "2021-01-16,Kauf,BTC,1,2,0\n", options(columns=gone)).columns


def test_one_asset_a_row_is_bought_sold_or_moved_by_its_kind_or_its_sign():
    text = SIMPLE + (
        "2021-01-16,Kauf,btc,0.5,30000,0\n"
        "2021-02-16,Verkauf,btc,0.25,40000,0\n"
        "2021-03-16,,eth,2,,0\n"
        "2021-04-16,,eth,-1,,0\n"
        "2021-05-16,staking,eth,0.01,1500,0\n"
    )
    assert lines(text, columns=COLUMNS) == [
        "buy +0.5 BTC -15000 EUR", "sell +10000 EUR -0.25 BTC", "deposit +2 ETH",
        "withdrawal -1 ETH", "income +0.01 ETH worth 15 EUR",
    ]  # fmt: skip


def test_both_sides_may_have_columns_of_their_own():
    text = "When,Got,Of,Gave,Of,Id\n2021-01-16,1,ETH,0.05,BTC,x1\n2021-01-17,,,2,ETH,\n"
    columns = {
        "at": "When", "received_quantity": "Got", "received_asset": "Of",
        "sent_quantity": "Gave", "sent_asset": "Of 2", "external_id": "Id",
    }  # fmt: skip
    assert lines(text, columns=columns) == ["swap +1 ETH -0.05 BTC", "withdrawal -2 ETH"]
    assert [entry.external_id for entry in read(text, columns=columns).entries] == ["x1", ""]


def test_doubtful_dates_and_numbers_are_asked_about_with_examples():
    text = SIMPLE.replace(",", ";") + "03/04/2021;Kauf;BTC;1,234;2;0\n"
    asked = formats.questions(text, options(columns=COLUMNS))
    assert (asked.days, asked.numbers) == (("03/04/2021",), ("1,234",))
    said = {"columns": COLUMNS, "day_first": False, "decimal_comma": True}
    assert lines(text, **said) == ["buy +1.234 BTC -2.468 EUR"]
    assert read(text, **said).entries[0].at.isoformat() == "2021-03-04T12:00:00+00:00"
    said["decimal_comma"] = False
    assert lines(text, **said) == ["buy +1234 BTC -2468 EUR"]


def test_local_times_are_of_the_zone_that_its_owner_says():
    text = SIMPLE + "2021-07-01 01:30,Kauf,BTC,1,2,0\n"
    assert formats.has_local_times(text, options(columns=COLUMNS))
    (entry,) = read(text, columns=COLUMNS, time_zone=ZoneInfo("Europe/Berlin")).entries
    assert entry.at.isoformat() == "2021-06-30T23:30:00+00:00"
    assert not formats.has_local_times(SIMPLE + "2021-07-01,a,b,1,2,0\n", options(columns=COLUMNS))


def test_what_a_mapping_lacks_is_said():
    assert mapped.missing({}) == "Say which column says when."
    assert mapped.missing({"at": "a"}) == "Say which columns have the asset and its quantity."
    assert mapped.missing({"at": "a", "sent_asset": "b"}) == (
        "Say both the asset and the quantity of what was sent."
    )
    assert mapped.missing(COLUMNS) == ""


def test_titles_suggest_what_they_are():
    assert mapped.guess(("Date", "Type", "Coin", "Amount", "Fee", "Whatever")) == {
        "at": "Date", "kind": "Type", "asset": "Coin", "quantity": "Amount", "fee_quantity": "Fee",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        ("2021-01-16,Kauf,BTC,,2,0", (2, "Menge", "It is empty.")),
        ("2021-01-16,Raub,BTC,1,2,0",
         (2, "Was", "“Raub” is none of the kinds that are known here.")),
        ("2021-01-16,swap,BTC,1,,0",
         (2, "total", "It is empty, so what the asset was traded for is unknown.")),
        ("2021-01-16,Kauf,EUR,1,2,0", (2, "", "EUR cannot be traded for itself.")),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_in_the_file_s_own_words(row, refusal):
    assert refusals(SIMPLE + row + "\n", columns=COLUMNS) == [refusal]
