"""What currencies were worth: files of rates, and how long a rate holds."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portfolios.models import Asset, ReferenceRate, Transaction
from portfolios.selectors import prices
from portfolios.selectors.worth import Worth, all_currencies
from tests.factories import AssetFactory

pytestmark = pytest.mark.django_db

FRIDAY, MONDAY = date(2025, 1, 3), date(2025, 1, 6)


@pytest.fixture(autouse=True)
def euro() -> Asset:
    for key in ("usd", "gbp"):
        AssetFactory(coingecko_id=key, symbol=key.upper(), kind=Asset.Kind.CASH)
    return AssetFactory(coingecko_id="eur", symbol="EUR", kind=Asset.Kind.CASH)


def write(folder: Path, text: str, name: str = "rates.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def stored() -> dict[tuple[str | None, date], Decimal]:
    rows = ReferenceRate.objects.values_list("asset__coingecko_id", "date", "rate")
    return {(key, day): rate for key, day, rate in rows}


def test_dollars_a_unit(tmp_path, capsys):
    path = write(tmp_path, "date,currency,rate\n2025-01-03,EUR,1.0299\n2025-01-03,XAU,2600\n")
    call_command("import_rates", path)
    call_command("import_rates", tmp_path)  # a directory, and again
    assert stored() == {("eur", FRIDAY): Decimal("1.0299")}
    assert "Left out, not in the catalogue: xau." in capsys.readouterr().out
    write(tmp_path, "date,currency,rate\n2025-01-03,EUR,1.03\n")
    call_command("import_rates", path)
    assert stored() == {("eur", FRIDAY): Decimal("1.03")}


def test_units_a_euro_as_the_central_bank_writes_them(tmp_path):
    path = write(
        tmp_path, "Date,USD,JPY,GBP,\n2025-01-03,1.0299,161.7,0.82995,\n2025-01-02,N/A,,,\n"
    )
    call_command("import_rates", path)
    assert stored() == {
        ("eur", FRIDAY): Decimal("1.0299"),
        ("gbp", FRIDAY): Decimal("1.240918127598"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("day,price\n", "must begin with"),
        ("", "must begin with"),
        ("date,currency,rate\n2025-01-03,EUR,0\n", "line 2: rate is “0”"),
        ("date,currency,rate\n2025-01-03,EUR,1\n2025-01-03,EUR,NaN\n", "line 3: rate is “NaN”"),
        ("date,currency,rate\n2025-01-03,EUR\n", "line 2: rate is “”"),
        ("date,currency,rate\n3.1.2025,EUR,1\n", "line 2: “3.1.2025” is no day"),
        ("date,currency,rate\n2025-01-03,EUR,1e30\n", "line 2: rate is “1e30”"),
    ],
)
def test_a_file_that_cannot_be_believed_changes_nothing(tmp_path, text, words):
    with pytest.raises(CommandError, match=words):
        call_command("import_rates", write(tmp_path, text))
    assert stored() == {}


def test_where_there_is_no_file(tmp_path):
    with pytest.raises(CommandError, match="There is no CSV file"):
        call_command("import_rates", tmp_path / "nowhere")


def test_a_rate_holds_over_a_weekend_and_is_stale_after_a_week(euro):
    ReferenceRate.objects.create(asset=euro, date=FRIDAY, rate=Decimal("1.03"))
    assert euro.pk not in prices.latest_closes(as_of=date(2025, 1, 2))
    for day, is_stale in ((FRIDAY, False), (MONDAY, False), (date(2025, 1, 11), True)):
        assert prices.latest_closes(as_of=day)[euro.pk] == prices.LatestClose(
            1.03, FRIDAY, is_stale=is_stale
        )


def test_a_value_in_what_is_no_currency_is_not_known(euro):
    """A person's own asset may have become something else than money since."""
    coin = AssetFactory(symbol="UNI")
    line = Transaction(
        kind="income", at=datetime(2025, 1, 3, tzinfo=UTC), received_asset=coin,
        received_quantity=Decimal(2), value_asset=coin, value=Decimal(7),
    )  # fmt: skip
    assert Worth([line], all_currencies()).of(line) is None
