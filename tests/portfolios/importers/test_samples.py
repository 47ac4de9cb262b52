"""Every sample of a real export is read or refused as its README says, and damage breaks none."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolios.importers import files, formats
from portfolios.importers.entries import FileRefused, Reading
from tests.portfolios.importers.conftest import options, told

# Entries, rows refused and rows left out of each sample, and how each was told by its header.
SAMPLES = {
    "binance/binance.csv": ("binance-statement", 7, 0, 0),
    "binance/binance-earn.csv": ("", 9, 0, 3),
    "binance/binance_history.csv": ("binance-statement", 44, 3, 15),
    "coinbase/coinbasepro.csv": ("coinbase-pro", 11, 0, 0),
    "cointracking/cointracking_trades_list.csv": ("cointracking", 11, 1, 0),
    "ghostfolio/btcusd.csv": ("ghostfolio", 1, 0, 0),
    "ghostfolio/sample.csv": ("ghostfolio", 4, 1, 0),
    "kraken/kraken-ledgers.csv": ("kraken-ledgers", 5, 0, 1),
    "kraken/kraken-trades.csv": ("kraken-trades", 3, 0, 0),
    "rotki/rotki_generic_trades.csv": ("rotki", 5, 1, 0),
}
REFUSED = {
    "invalid-currency.csv": [(2, "Currency", "“<invalid>” is not a currency such as USD or EUR.")],
    "invalid-date-yy.csv": [(2, "Date", "“16/09/21” has a year of two digits. Write all four.")],
    "invalid-fee.csv": [(2, "Fee", "“<invalid>” is not a number.")],
    "invalid-multi-line.csv": [
        (4, "Action", "“<invalid>” is not an action that is known here."),
        (5, "Date", "“20500606” lies in the future."),
    ],
    "invalid-symbol-btc-usd.csv": [(2, "Code", "“BTC-USD” is a pair. Write BTC or BTCUSD.")],
    "invalid-symbol.csv": [(2, "Code", "“<invalid>” is not a symbol.")],
}


@pytest.fixture(scope="session")
def samples(shared_data: Path) -> Path:
    return shared_data / "imports"


def reading_of(content: bytes) -> Reading:
    return formats.read(files.decode(content), options(format="binance-statement"))


def test_there_is_no_sample_without_an_expectation(samples):
    found = {str(path.relative_to(samples)) for path in samples.glob("*/*.csv")}
    assert found == set(SAMPLES) | {f"ghostfolio/{name}" for name in REFUSED}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_known_by_its_header_and_every_row_has_a_fate(samples, name):
    content = (samples / name).read_bytes()
    reading = reading_of(content)
    counts = (len(reading.entries), len(reading.refused), len(reading.left_out))
    assert (formats.find(files.decode(content)).format, *counts) == SAMPLES[name]


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_row_by_row(samples, name):
    refused = reading_of((samples / "ghostfolio" / name).read_bytes()).refused
    assert [(row.line, row.column, row.reason) for row in refused] == REFUSED[name]


def test_kraken_s_two_samples_tell_the_same_trades(samples):
    ledgers, trades = (
        [told(each) for each in reading_of((samples / "kraken" / name).read_bytes()).entries]
        for name in ("kraken-ledgers.csv", "kraken-trades.csv")
    )
    assert ledgers[1] == trades[0].replace("2.59326", "2.5933")
    assert ledgers[2:4] == trades[1:]


def test_a_pair_of_ghostfolio_s_is_its_coin(samples):
    (entry,) = reading_of((samples / "ghostfolio" / "btcusd.csv").read_bytes()).entries
    assert told(entry) == "buy +1 BTC -44558.42 USD"


def test_hundreds_of_fills_of_one_second_are_one_trade(samples):
    entries = reading_of((samples / "binance" / "binance_history.csv").read_bytes()).entries
    (trade,) = [each for each in entries if each.received and each.received.symbol == "HIGH"]
    assert told(trade) == "swap +2011.678 HIGH -0.14999997 BTC fee 2.011678 HIGH"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 6))
def test_a_damaged_sample_is_read_or_refused_and_never_breaks(samples, seed, cuts):
    chance = random.Random(seed)
    content = bytearray((samples / chance.choice(list(SAMPLES))).read_bytes())
    for _ in range(cuts):
        place = chance.randrange(len(content))
        damage = chance.choice(
            [
                b"",
                b'"',
                b",",
                b"\n",
                b"\xff",
                b"-",
                b"1e999",
                b"NaN",
                b";",
                bytes([chance.randrange(256)]),
            ]
        )
        content[place : place + chance.randrange(4)] = damage
    try:
        reading = reading_of(bytes(content))
    except FileRefused:
        return
    assert all(leg.quantity > 0 for each in reading.entries for leg in each.legs)
    assert all(row.reason.endswith(".") for row in [*reading.refused, *reading.left_out])
