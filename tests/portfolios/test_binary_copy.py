"""Rows written through binary COPY are the rows that SQL reads, and the other way round."""

import numpy as np
import pytest
from django.db import connection

from portfolios.models import binary_copy

pytestmark = pytest.mark.django_db


@pytest.fixture
def cursor():
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE sample (id bigint, small integer, amount float8, word text,"
            " ids bigint[], amounts float8[]) ON COMMIT DROP"
        )
        yield cursor


COLUMNS = ["id", "small", "amount", "word", "ids", "amounts"]


def block(rows: int, elements: int, word: bytes) -> dict[str, binary_copy.Column]:
    numbers = np.arange(rows * elements, dtype=float).reshape(rows, elements)
    return {
        "id": np.arange(rows) - 1,
        "small": np.arange(rows, dtype=np.int32) * -7,
        "amount": np.linspace(-1e300, 1e-300, rows),
        "word": word,
        "ids": numbers.astype(np.int64) + 2**40,
        "amounts": numbers / 3,
    }


def test_blocks_of_different_widths_arrive_exactly(cursor):
    blocks = [block(3, 2, b"short"), block(2, 5, b"rather longer"), block(2, 0, b"")]
    binary_copy.write(cursor, "sample", COLUMNS, blocks)
    cursor.execute("SELECT * FROM sample")
    expected = [
        (
            piece["id"][row],
            piece["small"][row],
            piece["amount"][row],
            piece["word"].decode(),
            piece["ids"][row].tolist(),
            piece["amounts"][row].tolist(),
        )
        for piece in blocks
        for row in range(len(piece["id"]))
    ]
    assert cursor.fetchall() == expected


def test_no_blocks_write_no_rows(cursor):
    binary_copy.write(cursor, "sample", COLUMNS, [])
    cursor.execute("SELECT count(*) FROM sample")
    assert cursor.fetchone() == (0,)


def test_what_sql_holds_is_read_exactly(cursor):
    query = "SELECT n::bigint, n::integer * 2, n / 7.0::float8 FROM generate_series(%(a)s, %(b)s) n"
    rows = binary_copy.read(cursor, query, {"a": -2, "b": 3}, id="i8", double="i4", share="f8")
    rows.sort(order="id")
    assert rows["id"].tolist() == [-2, -1, 0, 1, 2, 3]
    assert rows["double"].tolist() == [-4, -2, 0, 2, 4, 6]
    np.testing.assert_array_equal(rows["share"], np.arange(-2, 4) / 7.0)


def test_an_empty_query_reads_as_no_rows(cursor):
    rows = binary_copy.read(cursor, "SELECT 1::bigint WHERE false", {}, id="i8")
    assert len(rows) == 0
