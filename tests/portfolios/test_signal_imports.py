"""Market signals on their way into a real PostgreSQL."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from portfolios.market_data import signal_files
from portfolios.models import MarketSignal, PriceSource, QuarantinedSignal
from portfolios.selectors import signals
from portfolios.services import catalogue, price_imports, signal_imports
from tests.factories import AssetFactory

pytestmark = pytest.mark.django_db

TODAY = date(2024, 1, 10)
JUMP = ("2024-01-01,50,,,,", "2024-01-02,60,,,,")
BACK = (*JUMP, "2024-01-03,50.5,,,,")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*rows: str, name: str = "global.csv") -> Path:
        header = ",".join(signal_files.FORMATS[name].header)
        (tmp_path / name).write_text("\n".join((header, *rows)) + "\n")
        return tmp_path

    return write


def stored(name: str = "btc_dominance") -> list[tuple[Any, ...]]:
    rows = MarketSignal.objects.filter(name=name).order_by("date", "asset__symbol")
    return list(rows.values_list("date", "value"))


def test_signals_belong_to_their_asset_or_to_all_markets(write: Write) -> None:
    bitcoin = AssetFactory(symbol="BTC", coingecko_id="bitcoin")
    write("2024-01-01,50,,,,")
    directory = write("2024-01-01,BTC,0.0001,", "2024-01-01,DOGE,0.0002,", name="funding.csv")
    report = signal_imports.import_directory(directory, today=TODAY)
    assert (report.files, report.readings, report.changed) == (2, 3, 2)
    assert report.unknown_symbols == ["DOGE"]
    assert set(MarketSignal.objects.values_list("name", "asset", "value", "source")) == {
        ("btc_dominance", None, 0.5, "global.csv"),
        ("funding_rate", bitcoin.pk, 0.0001, "funding.csv"),
    }


def test_importing_again_changes_nothing_and_a_correction_one_row(write: Write) -> None:
    directory = write(*BACK, "2024-01-04,oops,,,,")
    first = signal_imports.import_directory(directory, today=TODAY)
    assert (first.changed, first.quarantined) == (2, 2)
    again = signal_imports.import_directory(directory, today=TODAY)
    assert (again.changed, again.quarantined) == (0, 2)
    assert QuarantinedSignal.objects.count() == 2
    write(*JUMP, "2024-01-03,50.7,,,,")
    assert signal_imports.import_directory(directory, today=TODAY).changed == 1


def test_a_jump_goes_to_quarantine_once_the_next_day_has_taken_it_back(write: Write) -> None:
    signal_imports.import_directory(write(*JUMP), today=TODAY)
    assert stored() == [(date(2024, 1, 1), 0.5), (date(2024, 1, 2), 0.6)]
    known = signals.series(coingecko_id="bitcoin", days=[date(2024, 1, 1), date(2024, 1, 2)])
    # Nobody may use what is not confirmed.
    assert known["btc_dominance"].tolist() == [0.5, pytest.approx(float("nan"), nan_ok=True)]
    assert not QuarantinedSignal.objects.exists()

    report = signal_imports.import_directory(write(*BACK), today=TODAY)
    assert report.quarantined == 1
    assert stored() == [(date(2024, 1, 1), 0.5), (date(2024, 1, 3), 0.505)]
    refused = QuarantinedSignal.objects.get()
    assert (refused.source, refused.line) == ("global.csv", 3)
    assert "jumped to 0.6000 on 2024-01-02" in refused.reason


def test_a_night_sees_no_later_day(write: Write, settings: Settings) -> None:
    directory = write(*BACK)
    settings.MARKET_DATA_DIR, settings.MARKET_SIGNALS_DIR = "somewhere", str(directory)
    signal_imports.refresh(as_of=date(2024, 1, 2))
    assert len(stored()) == 2
    assert not QuarantinedSignal.objects.exists()
    signal_imports.refresh(as_of=date(2024, 1, 3))
    assert [day.day for day, _ in stored()] == [1, 3]


def test_without_a_source_there_are_no_signals(settings: Settings) -> None:
    settings.MARKET_DATA_DIR, settings.MARKET_SIGNALS_DIR = "somewhere", ""
    signal_imports.refresh(as_of=TODAY)
    assert not MarketSignal.objects.exists()
    assert signals.series(coingecko_id="bitcoin", days=[TODAY]) == {}
    assert signals.sources(coingecko_id="bitcoin", end=TODAY) == {}


def test_no_night_waits_for_signals(tmp_path: Path, settings: Settings) -> None:
    settings.MARKET_DATA_DIR = settings.MARKET_SIGNALS_DIR = str(tmp_path / "absent")
    signal_imports.refresh(as_of=TODAY)
    assert not MarketSignal.objects.exists()


def test_the_command_says_what_it_did_and_names_bad_rows(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_signals", write(*BACK, "2024-01-04,oops,,,,"))
    words = capsys.readouterr().out
    assert "1 files, 2 readings: 2 changed, 2 rows quarantined." in words
    assert "global.csv, line 5: The btc_dominance 'oops' is not a finite number." in words
    assert "global.csv, line 3: btc_dominance jumped" in words


def test_a_directory_without_signals_is_refused_with_the_names_expected(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none of the files .*funding\.csv"):
        call_command("import_signals", tmp_path)
    with pytest.raises(CommandError, match="no directory"):
        call_command("import_signals", tmp_path / "absent")


def test_a_simulated_market_takes_no_signals_of_the_real_one(write: Write) -> None:
    PriceSource.objects.create(name="simulated")
    with pytest.raises(CommandError, match="would mix"):
        call_command("import_signals", write(*BACK))
    assert not MarketSignal.objects.exists()


def test_a_simulated_market_knows_its_dominance_and_nothing_else(settings: Settings) -> None:
    settings.MARKET_DATA_DIR = ""
    catalogue.load()
    end = date(2022, 1, 5)
    price_imports.import_simulated(seed=1, until=end)
    signal_imports.refresh(as_of=end)
    assert set(MarketSignal.objects.values_list("name", "source")) == {
        ("btc_dominance", signal_imports.SIMULATED)
    }
    shares = [share for _, share in stored()]
    assert len(shares) == 5
    assert all(0.3 < share < 0.8 for share in shares)
    before = stored()
    signal_imports.refresh(as_of=end)
    assert stored() == before


def test_real_files_go_in_whole_but_for_the_known_glitches(market_directory: Path) -> None:
    directory = market_directory.parent / "signals"
    AssetFactory(symbol="BTC", coingecko_id="bitcoin")
    report = signal_imports.import_directory(directory, today=date(2025, 1, 1))
    assert report.files == 5
    refused = list(QuarantinedSignal.objects.values_list("reason", flat=True))
    assert all("jumped" in reason for reason in refused)
    for day in ("2020-03-12", "2024-01-31"):
        assert any(day in reason for reason in refused)
        assert not MarketSignal.objects.filter(name="btc_dominance", date=day).exists()
    since_it_is_calm = [reason for reason in refused if " on 2018-0" not in reason]
    assert len(since_it_is_calm) <= 6  # in six and a half years
    dvol = pd.read_csv(directory / "dvol.csv", index_col="date", parse_dates=["date"]).close / 100
    days = pd.date_range(dvol.index[0], "2024-12-31")
    known = signals.series(coingecko_id="bitcoin", days=[day.date() for day in days])
    expected = dvol.reindex(days).tolist()
    assert known["implied_volatility"].tolist() == pytest.approx(expected, nan_ok=True)
    assert signals.sources(coingecko_id="bitcoin", end=date(2023, 5, 1))["fear_greed"] == (
        "fear_greed.csv",
        date(2023, 5, 1),
    )
