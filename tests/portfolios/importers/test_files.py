"""An upload is a table, or it is refused with a sentence; its bounds hold."""

import gzip
import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolios.importers import files, formats
from portfolios.importers.entries import FileRefused
from tests.portfolios.importers.conftest import lines, options, read, refusals

ROTKI = (
    "Location,Spend Currency,Receive Currency,Receive Amount,Spend Amount,Fee,Fee Currency,"
    "Description,Timestamp\n"
)
TRADE = "kraken,LTC,BTC,4.3241,392.8870,,,A trade,1659171600000\n"
SWAP = ["swap +4.3241 BTC -392.887 LTC"]


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", ROTKI + TRADE)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b" \r\n \n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (zipped(), "This is a ZIP archive or a spreadsheet. Choose the CSV file itself."),
        (gzip.compress(b"a,b", mtime=0), "This is a gzip archive. Choose the CSV file itself."),
        (b"%PDF-1.7", "This is a PDF. Choose the CSV file itself."),
        (b"a,b\n\x00,1\n", "This is not text. Save it as CSV in UTF-8."),
        (b"\x81\x8d,b", "This is not text. Save it as CSV in UTF-8."),
        (b"a" * 1_000_001, "The file is larger than 1 MB. Split it by year."),
    ],
)
def test_what_is_no_text_is_refused_with_a_sentence(content, words):
    with pytest.raises(FileRefused) as refusal:
        files.decode(content)
    assert str(refusal.value) == words


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_text_is_unicode_or_what_windows_writes(encoding):
    text = ROTKI + TRADE.replace("A trade", "Für später")
    reading = read(files.decode(text.encode(encoding)))
    assert reading.entries[0].note == "kraken · Für später"


def test_line_ends_delimiters_and_quotes_do_not_matter():
    assert lines(ROTKI + TRADE) == SWAP
    assert lines((ROTKI + TRADE).replace("\n", "\r\n")) == SWAP
    assert lines((ROTKI + TRADE).replace(",", ";")) == SWAP
    assert lines((ROTKI + TRADE).replace(",", "\t")) == SWAP
    assert lines(ROTKI + '"' + TRADE.strip().replace(",", '","') + '"\n') == SWAP
    assert lines((ROTKI + TRADE).replace(",", ";").replace("4.3241", "4,3241").replace(
        "392.8870", "1.392,887")) == ["swap +4.3241 BTC -1392.887 LTC"]  # fmt: skip


def test_a_row_knows_its_line_through_blank_lines_and_notes_of_several_lines():
    broken = TRADE.replace("4.3241", "oops")
    text = ROTKI + "\n" + TRADE.replace("A trade", '"two\nlines"') + broken
    assert refusals(text) == [(5, "Receive Amount", "“oops” is not a number.")]


def test_more_rows_than_the_bound_are_refused_and_as_many_are_read():
    assert len(read(ROTKI + TRADE * files.MAX_ROWS).entries) == files.MAX_ROWS
    with pytest.raises(FileRefused, match="more than 10,000 rows"):
        formats.read(ROTKI + TRADE * (files.MAX_ROWS + 1), options())


def test_a_file_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_SECONDS", -1)
    with pytest.raises(FileRefused, match="takes too long"):
        formats.read(ROTKI + TRADE, options())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ROTKI + TRADE.replace("A trade", '"no end'), None),
        (ROTKI + TRADE.replace("A trade", "x" * 3000), "has a cell of more than 2,000 characters"),
        (ROTKI + TRADE.replace("A trade", '"' + "x" * 200_000), "cell|not CSV"),
        (ROTKI + "," * 150 + "\n", "has more than 100 columns"),
    ],
)
def test_broken_quotes_and_endless_cells_are_told_with_their_line(text, words):
    if words is None:
        assert refusals(text)[0][0] == 2
    else:
        with pytest.raises(FileRefused, match=words):
            formats.read(text, options())


def test_a_text_without_columns_is_no_table():
    with pytest.raises(FileRefused, match="not a table"):
        formats.find("hello\nworld\n")


def test_a_header_is_found_below_lines_about_the_account():
    source = formats.find("\nTransactions\nUser,Somebody,1234\n\n" + ROTKI + TRADE)
    assert (source.format, source.header_line) == ("rotki", 5)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(content):
    with suppress(FileRefused):
        text = files.decode(content)
        if not formats.questions(text, options()):
            formats.read(text, options())
