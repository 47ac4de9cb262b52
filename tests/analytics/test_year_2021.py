"""The moderate model through 2021 on real prices, night by night, beside plain pandas."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from analytics.models import AlertEvent, PortfolioResult, Suggestion
from analytics.services import nights
from portfolios.models import Asset
from portfolios.services import catalogue, price_imports
from tests.factories import HoldingFactory, PortfolioFactory, TargetWeightFactory

# The article's moderate model; Arbitrum was not listed yet, Polygon's token stands in for it.
MODERATE = {
    "BTC": "0.35", "ETH": "0.20", "SOL": "0.08", "AVAX": "0.04", "ATOM": "0.03",
    "LINK": "0.05", "AAVE": "0.05", "MATIC": "0.04", "GRT": "0.04", "USDC": "0.12",
}  # fmt: skip
BOUGHT, END = date(2021, 1, 1), date(2021, 12, 31)


def read_closes(directory) -> pd.DataFrame:
    """Closes of the model's assets by day, read by pandas alone."""
    columns = {
        symbol: pd.read_csv(directory / f"{symbol}.csv", index_col="date", parse_dates=True)[
            "close"
        ]
        for symbol in MODERATE
    }
    return pd.DataFrame(columns).loc[str(BOUGHT) : str(END)]


def copy_rows(source: Path, target: Path) -> None:
    """The file from mid-2019, as far back as the volatility axis needs, to the end of 2021."""
    header, *rows = source.read_text().splitlines(keepends=True)
    target.write_text(header + "".join(row for row in rows if "2019-06" <= row < "2022"))


@pytest.fixture
def bought(db, market_directory, tmp_path, settings):
    """The model bought at target on 1 January with 100,000 dollars, and untouched."""
    for symbol in MODERATE:
        copy_rows(market_directory / f"{symbol}.csv", tmp_path / f"{symbol}.csv")
    settings.MARKET_DATA_DIR = str(tmp_path)
    catalogue.load()
    price_imports.import_directory(tmp_path, today=date(2025, 1, 1))
    portfolio = PortfolioFactory()
    first_day = read_closes(tmp_path).iloc[0]
    for symbol, weight in MODERATE.items():
        asset = Asset.objects.get(symbol=symbol)
        quantity = Decimal(100_000) * Decimal(weight) / Decimal(str(first_day[symbol]))
        HoldingFactory(portfolio=portfolio, asset=asset, quantity=quantity)
        TargetWeightFactory(portfolio=portfolio, asset=asset, weight=Decimal(weight))
    return portfolio


def test_every_night_of_2021_equals_an_independent_pandas_computation(bought, tmp_path):
    closes = read_closes(tmp_path)
    assert len(closes) == 365
    assert closes.notna().all().all()
    targets = pd.Series(MODERATE).astype(float)
    values = closes / closes.iloc[0] * targets * 100_000
    weights = values.div(values.sum(axis=1), axis=0)
    drift = weights - targets

    symbols = dict(Asset.objects.values_list("pk", "symbol"))
    worth_it = set()
    for day in closes.index:
        run = nights.run_to_end(as_of=day.date())
        result = PortfolioResult.objects.get(run=run, portfolio=bought)
        measured = pd.Series(result.weights, index=[symbols[pk] for pk in result.asset_ids])
        assert result.value == pytest.approx(values.loc[day].sum(), rel=1e-12)
        pd.testing.assert_series_equal(
            measured.sort_index(), weights.loc[day].sort_index(), check_names=False, rtol=1e-12
        )
        assert result.worst_drift == pytest.approx(drift.loc[day].abs().max(), rel=1e-9, abs=1e-12)
        expected = "in_breach" if drift.loc[day].abs().max() > result.band else "in_balance"
        assert result.status == expected
        assert result.band in (0.05, 0.10)
        suggestion = Suggestion.objects.filter(run=run).first()
        if suggestion and suggestion.answer != Suggestion.Answer.NOT_WORTH_IT:
            worth_it.add(bought.episodes.get(closed_on=None).pk)
    # Each is told once, on its first night on which acting pays.
    told = AlertEvent.objects.filter(kind="drift", number=1)
    assert {alert.episode_id for alert in told} == worth_it
    assert len(told) == len(worth_it) >= 1
