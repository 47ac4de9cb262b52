"""Daily prices on their way into a real PostgreSQL: what goes in, what does not, and how often."""

import tracemalloc
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from portfolios.market_data import csv_directory, simulator
from portfolios.models import Asset, DailyPrice, QuarantinedPrice
from portfolios.services import catalogue, price_imports
from tests.factories import AssetCategoryFactory, AssetFactory

pytestmark = pytest.mark.django_db

HEADER = "date,open,high,low,close,volume,market_cap"
TODAY = date(2024, 1, 10)
GOOD = ("2024-01-01,10,12,9,11,5,1000", "2024-01-02,11,13,10,12,,", "2024-01-03,,,,13,,")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*rows: str, name: str = "AAA.csv", header: str = HEADER) -> Path:
        (tmp_path / name).write_text("\n".join((header, *rows)) + "\n")
        return tmp_path

    return write


@pytest.fixture
def asset() -> Asset:
    return AssetFactory(symbol="AAA")


def stored(asset: Asset) -> list[tuple[Any, ...]]:
    columns = ("date", "open", "high", "low", "close", "volume", "market_cap")
    return list(DailyPrice.objects.filter(asset=asset).order_by("date").values_list(*columns))


def test_rows_go_in_and_unknown_numbers_stay_unknown(write: Write, asset: Asset) -> None:
    report = price_imports.import_directory(write(*GOOD), today=TODAY)
    assert stored(asset) == [
        (date(2024, 1, 1), 10.0, 12.0, 9.0, 11.0, 5.0, 1000.0),
        (date(2024, 1, 2), 11.0, 13.0, 10.0, 12.0, None, None),
        (date(2024, 1, 3), None, None, None, 13.0, None, None),
    ]
    assert (report.files, report.rows, report.changed, report.quarantined) == (1, 3, 3, 0)


def test_a_price_arrives_to_the_last_bit(write: Write, asset: Asset) -> None:
    price = 0.1 + 0.2
    price_imports.import_directory(write(f"2024-01-01,,,,{price!r},,{5e-324!r}"), today=TODAY)
    assert stored(asset)[0][4:] == (price, None, 5e-324)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-01-04,ten,12,9,11,,", "open 'ten' is not a finite number"),
        ("2024-01-04,10,nan,9,11,,", "high 'nan' is not a finite number"),
        ("2024-01-04,10,12,9,1e999,,", "close '1e999' is not a finite number"),
        ("04.01.2024,10,12,9,11,,", "is not a date"),
        ("2024-02-30,10,12,9,11,,", "is not a date"),
        ("2024-01-04,10,12,-9,11,,", "low of -9.0 is not positive"),
        ("2024-01-04,10,12,9,0,,", "close of 0.0 is not positive"),
        ("2024-01-04,10,12,9,11,-1,", "volume of -1.0 is negative"),
        ("2024-01-04,10,9,12,11,,", "high of 9.0 is below the low of 12.0"),
        ("2024-01-04,10,12,9,13,,", "close of 13.0 is above the high"),
        ("2024-01-04,10,12,9,,,", "close is blank"),
        ("2024-01-10,10,12,9,11,,", "not complete yet on 2024-01-10"),
        ("2199-01-01,10,12,9,11,,", "not complete yet on 2024-01-10"),
        ("2024-01-02,99,99,99,99,,", "occurs a second time"),
        ("2024-01-04,10,12,9,11", "5 columns instead of 7"),
        ("2024-01-04,10,12\t,9,1\\1,,", "close '1\\\\1' is not a finite number"),
        ("\N{SNOWMAN}" * 600, "1 columns instead of 7"),
        ("2024-01-04\0,10,12,9,11,,", "is not a date"),
    ],
)
def test_a_bad_row_goes_to_quarantine_and_the_rest_goes_in(
    write: Write, asset: Asset, row: str, reason: str
) -> None:
    directory = write(*GOOD, row, "2024-01-05,14,14,14,14,,")
    report = price_imports.import_directory(directory, today=TODAY)

    assert [day for day, *_ in stored(asset)] == [date(2024, 1, d) for d in (1, 2, 3, 5)]
    quarantined = QuarantinedPrice.objects.get()
    assert (quarantined.source, quarantined.line) == ("AAA.csv", 5)
    assert reason in quarantined.reason
    assert quarantined.row == row[:500].replace("\0", "\ufffd")
    assert (report.rows, report.changed, report.quarantined) == (5, 4, 1)
    assert [rejection.line for rejection in report.first_rejections] == [5]


def test_a_row_is_quarantined_once_however_often_it_is_read(write: Write, asset: Asset) -> None:
    directory = write(*GOOD, "nonsense", "nonsense")
    reports = [price_imports.import_directory(directory, today=TODAY) for _ in range(2)]
    assert [report.quarantined for report in reports] == [2, 2]
    assert QuarantinedPrice.objects.count() == 2


def test_a_file_full_of_bad_rows_is_quarantined_whole_and_reported_in_brief(
    write: Write, asset: Asset
) -> None:
    directory = write(*(f"nonsense {n}" for n in range(1200)), *GOOD)
    report = price_imports.import_directory(directory, today=TODAY)
    assert QuarantinedPrice.objects.count() == report.quarantined == 1200
    assert [row.line for row in report.first_rejections] == [2, 3, 4, 5, 6]
    assert len(stored(asset)) == 3


@pytest.mark.parametrize("wrong", ["date,close", "", "Date,Open,High,Low,Close,Volume,Cap"])
def test_a_wrong_header_in_any_file_changes_nothing_and_names_the_file(
    write: Write, asset: Asset, wrong: str
) -> None:
    write(*GOOD, "nonsense")
    directory = write(*GOOD, name="ZZZ.csv", header=wrong)
    with pytest.raises(csv_directory.HeaderError, match=r"ZZZ\.csv"):
        price_imports.import_directory(directory, today=TODAY)
    assert not DailyPrice.objects.exists()
    assert not QuarantinedPrice.objects.exists()


def test_a_second_import_changes_nothing(write: Write, asset: Asset) -> None:
    directory = write(*GOOD)
    price_imports.import_directory(directory, today=TODAY)
    before = stored(asset)
    report = price_imports.import_directory(directory, today=TODAY)
    assert (report.rows, report.changed) == (3, 0)
    assert stored(asset) == before


def test_a_corrected_row_replaces_the_stored_one_and_only_that(write: Write, asset: Asset) -> None:
    price_imports.import_directory(write(*GOOD), today=TODAY)
    corrected = write(GOOD[0], "2024-01-02,11,13,10,12.5,7,", GOOD[2], "2024-01-04,,,,14,,")
    report = price_imports.import_directory(corrected, today=TODAY)
    assert report.changed == 2  # one corrected, one new
    assert stored(asset)[1] == (date(2024, 1, 2), 11.0, 13.0, 10.0, 12.5, 7.0, None)

    unknown_again = write(GOOD[0], GOOD[1])
    assert price_imports.import_directory(unknown_again, today=TODAY).changed == 1
    assert stored(asset)[1][5] is None


def test_a_symbol_that_no_asset_has_is_reported_and_not_fatal(write: Write, asset: Asset) -> None:
    AssetFactory(symbol="USD", kind=Asset.Kind.CASH)
    for name in ("NEW.csv", "USD.csv"):
        write(*GOOD, "nonsense", name=name)
    report = price_imports.import_directory(write(*GOOD), today=TODAY)
    assert report.unknown_symbols == ["NEW", "USD"]
    assert (report.files, report.rows, DailyPrice.objects.count()) == (1, 3, 3)
    assert not QuarantinedPrice.objects.exists()


def test_an_asset_no_longer_offered_keeps_its_prices_coming(write: Write, asset: Asset) -> None:
    retired = AssetFactory(symbol="OLD", is_active=False)
    write(*GOOD, name="OLD.csv")
    price_imports.import_directory(write(*GOOD), today=TODAY)
    assert DailyPrice.objects.filter(asset=retired).count() == 3


def test_of_two_assets_with_one_ticker_the_larger_gets_the_prices(write: Write) -> None:
    AssetFactory(symbol="AAA", cap_rank=None)
    larger = AssetFactory(symbol="AAA", cap_rank=7)
    AssetFactory(symbol="AAA", cap_rank=900)
    price_imports.import_directory(write(*GOOD), today=TODAY)
    assert set(DailyPrice.objects.values_list("asset", flat=True)) == {larger.pk}


def test_two_files_for_one_symbol_are_refused(write: Write, asset: Asset) -> None:
    write(*GOOD, name="aaa.csv")
    with pytest.raises(price_imports.DuplicateFileError, match=r"AAA\.csv and aaa\.csv"):
        price_imports.import_directory(write(*GOOD), today=TODAY)
    assert not DailyPrice.objects.exists()


def test_a_file_is_never_held_in_memory_whole(write: Write, asset: Asset) -> None:
    first = date(1900, 1, 1)
    rows = (f"{first + timedelta(days=n)},10,12,9,11,5,1000" for n in range(40_000))
    directory = write(*rows)
    size = (directory / "AAA.csv").stat().st_size
    tracemalloc.start()
    try:
        price_imports.import_directory(directory, today=TODAY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert DailyPrice.objects.count() == 40_000
    # The parser remembers the days it has seen; text and numbers pass through.
    days_seen = 40_000 * 32 + 2**21
    assert peak < days_seen + size / 4


class TestRealPrices:
    @pytest.fixture
    def report(self, market_directory: Path) -> price_imports.ImportReport:
        catalogue.load()
        return price_imports.import_directory(market_directory, today=date(2025, 1, 1))

    def test_every_row_of_every_file_goes_in(
        self, market_directory: Path, report: price_imports.ImportReport
    ) -> None:
        lines = sum(
            len(path.read_text().splitlines()) - 1 for path in market_directory.glob("*.csv")
        )
        assert (report.files, report.rows, report.changed) == (24, lines, lines)
        assert (report.quarantined, report.unknown_symbols) == (0, [])

    @pytest.mark.usefixtures("report")
    def test_known_extremes_are_found_under_the_right_asset(self) -> None:
        bitcoin = DailyPrice.objects.filter(asset__coingecko_id="bitcoin")
        assert bitcoin.get(date="2018-12-15").low == 3156.26
        assert bitcoin.get(date="2021-11-10").high == 69000.0
        assert bitcoin.get(date="2022-11-21").low == 15476.0
        dollar = DailyPrice.objects.get(asset__coingecko_id="usd-coin", date="2023-03-11")
        assert (dollar.low, dollar.close) == pytest.approx((0.8774, 0.9715), abs=5e-5)

    @pytest.mark.usefixtures("report")
    def test_importing_them_again_changes_nothing(self, market_directory: Path) -> None:
        again = price_imports.import_directory(market_directory, today=date(2025, 1, 1))
        assert again.changed == 0


class TestSimulatedPrices:
    START = simulator.ORIGIN
    SEED = 7

    @pytest.fixture(autouse=True)
    def assets(self) -> None:
        category = AssetCategoryFactory()
        for key, symbol in (("bitcoin", "BTC"), ("solana", "SOL")):
            AssetFactory(coingecko_id=key, symbol=symbol, category=category)
        AssetFactory(coingecko_id="usd", symbol="USD", kind=Asset.Kind.CASH)

    def day(self, n: int) -> date:
        return self.START + timedelta(days=n)

    def prices(self) -> list[tuple[Any, ...]]:
        return list(DailyPrice.objects.order_by("asset", "date").values_list())

    def test_only_the_missing_days_are_brought(self) -> None:
        first = price_imports.import_simulated(seed=self.SEED, until=self.day(9))
        assert first.rows == first.changed == 20  # cash has no market
        second = price_imports.import_simulated(seed=self.SEED, until=self.day(11))
        assert second.rows == second.changed == 4
        in_steps = self.prices()

        again = price_imports.import_simulated(seed=self.SEED, until=self.day(11))
        assert (again.rows, again.changed) == (0, 0)
        DailyPrice.objects.all().delete()
        price_imports.import_simulated(seed=self.SEED, until=self.day(11))
        assert self.prices() == in_steps

    def test_an_asset_that_came_later_gets_its_whole_history(self) -> None:
        price_imports.import_simulated(seed=self.SEED, until=self.day(9))
        AssetFactory(coingecko_id="chainlink", category=AssetCategoryFactory())
        assert price_imports.import_simulated(seed=self.SEED, until=self.day(10)).changed == 11 + 2

    def test_an_asset_that_cannot_be_simulated_is_reported_and_not_fatal(self) -> None:
        strange = AssetCategoryFactory(slug="strange", name="Strange", colour=12)
        AssetFactory(symbol="ODD", category=strange)
        report = price_imports.import_simulated(seed=self.SEED, until=self.day(0))
        assert (report.unknown_symbols, report.changed) == (["ODD"], 2)

    def test_before_the_simulated_market_there_is_nothing(self) -> None:
        report = price_imports.import_simulated(seed=self.SEED, until=self.day(-1))
        assert report.rows == 0

    def test_a_refresh_simulates_when_no_directory_is_set(self, settings: Settings) -> None:
        settings.MARKET_DATA_DIR = ""
        settings.SIMULATED_MARKET_SEED = self.SEED
        assert price_imports.refresh(as_of=self.day(2)).changed == 6
        assert price_imports.last_available_day(until=self.day(500)) == self.day(500)
        assert price_imports.last_available_day(until=self.day(-1)) is None


class TestDirectoryRefresh:
    @pytest.fixture(autouse=True)
    def source(self, write: Write, asset: Asset, settings: Settings) -> None:
        settings.MARKET_DATA_DIR = str(write(*GOOD, "2024-01-05,14,14,14,14,,"))

    def test_later_days_wait_for_their_own_night(self, asset: Asset) -> None:
        assert price_imports.refresh(as_of=date(2024, 1, 2)).changed == 2
        assert not QuarantinedPrice.objects.exists()
        assert price_imports.refresh(as_of=date(2024, 1, 5)).changed == 2
        assert price_imports.refresh(as_of=date(2024, 1, 5)).changed == 0

    @pytest.mark.parametrize(
        ("until", "newest"), [("2024-02-01", 5), ("2024-01-05", 5), ("2024-01-04", 3)]
    )
    def test_the_newest_day_is_known_before_it_is_imported(self, until: str, newest: int) -> None:
        day = price_imports.last_available_day(until=date.fromisoformat(until))
        assert day == date(2024, 1, newest)

    def test_before_the_first_row_there_is_no_day(self) -> None:
        assert price_imports.last_available_day(until=date(2023, 12, 31)) is None

    def test_a_file_that_has_grown_is_noticed(self, write: Write) -> None:
        assert price_imports.last_available_day(until=TODAY) == date(2024, 1, 5)
        write(*GOOD, "2024-01-05,14,14,14,14,,", "2024-01-06,15,15,15,15,,")
        assert price_imports.last_available_day(until=TODAY) == date(2024, 1, 6)


class TestCommand:
    def test_it_reports_what_it_did(
        self, write: Write, asset: Asset, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(*GOOD, name="NEW.csv")
        call_command("import_prices", write(*GOOD, *["nonsense"] * 7))
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("1 files, 10 rows, ")
        assert lines[0].endswith(" rows/s: 3 changed, 7 quarantined.")
        assert lines[1] == "  AAA.csv, line 5: It has 1 columns instead of 7."
        assert lines[6].startswith("  and 2 more")
        assert lines[7] == "Left out, not in the catalogue: NEW."

    def test_it_says_which_file_has_the_wrong_header(self, write: Write, asset: Asset) -> None:
        with pytest.raises(CommandError, match=r"AAA\.csv starts with 'date,price'"):
            call_command("import_prices", write(header="date,price"))

    def test_it_says_when_there_is_no_such_directory(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="There is no directory"):
            call_command("import_prices", tmp_path / "nowhere")


def test_real_and_simulated_prices_never_mix(write, settings):
    write(*GOOD)
    price_imports.import_directory(write(*GOOD), today=TODAY)
    settings.MARKET_DATA_DIR = ""
    for attempt in (
        lambda: price_imports.refresh(as_of=date(2024, 6, 30)),
        lambda: price_imports.last_available_day(until=date(2024, 6, 30)),
    ):
        with pytest.raises(price_imports.MixedMarketError, match="holds prices of daily files"):
            attempt()
