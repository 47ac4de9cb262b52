"""What every test may ask for."""

import os
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real market data and exports, which are not part of the project."""
    path = Path(os.environ.get("EVENKEEL_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"{path} is absent: set EVENKEEL_SHARED to the folder of the shared data.")
    return path


@pytest.fixture(scope="session")
def market_directory(shared_data: Path) -> Path:
    return shared_data / "market" / "daily"


@pytest.fixture(scope="session")
def real_market(market_directory: Path) -> pd.DataFrame:
    """What tells the regime of Bitcoin's market, a row a day since 2010, NaN for unknown."""

    def read(path: Path) -> pd.DataFrame:
        return pd.read_csv(path, index_col="date", parse_dates=["date"])

    signals = market_directory.parent / "signals"
    market = read(market_directory / "BTC.csv")[["close", "high", "low", "volume"]]
    funding = read(signals / "funding.csv").query("symbol == 'BTC'")
    chain = read(signals / "onchain_btc.csv")
    return market.assign(
        dominance=read(signals / "global.csv").btc_dominance / 100,
        funding=funding.funding_rate_8h_mean,
        implied_volatility=read(signals / "dvol.csv").close / 100,
        active_addresses=chain.active_addresses,
        exchange_inflow=chain.exchange_inflow_btc,
        exchange_outflow=chain.exchange_outflow_btc,
        fear_greed=read(signals / "fear_greed.csv").fear_greed_index,
    )


@pytest.fixture(scope="session")
def real_alts(market_directory: Path, real_market: pd.DataFrame) -> pd.DataFrame:
    """Closes of everything but Bitcoin and stablecoins, on Bitcoin's days."""
    closes = {
        path.stem: pd.read_csv(path, index_col="date", parse_dates=["date"])["close"]
        for path in sorted(market_directory.glob("*.csv"))
        if path.stem not in ("BTC", "USDT", "USDC")
    }
    return pd.DataFrame(closes).reindex(real_market.index)
