from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings

# A busy machine is no reason to fail.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def bitcoin_closes(market_directory: Path) -> pd.Series:
    """Bitcoin's daily closes, indexed by UTC day."""
    prices = pd.read_csv(market_directory / "BTC.csv", index_col="date", parse_dates=["date"])
    return prices["close"]
