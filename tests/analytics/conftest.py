"""A small market and portfolios in it, for the night's tests."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from portfolios.models import Asset, AssetCategory, DailyPrice, Portfolio
from portfolios.services import revisions
from tests import factories

AS_OF = date(2024, 6, 30)


@pytest.fixture
def as_of() -> date:
    return AS_OF


def quote(asset: Asset, closes: Mapping[date, float]) -> None:
    """Store closes of an asset; the day's range is half a percent around them."""
    DailyPrice.objects.bulk_create(
        DailyPrice(
            asset=asset, date=day, open=close, high=close * 1.005, low=close * 0.995, close=close
        )
        for day, close in closes.items()
    )


@pytest.fixture
def coins(transactional_db, settings) -> dict[str, Asset]:
    """Bitcoin, two alts and dollars; 90 days of prices, all 100 on the last day and the next three."""
    settings.MARKET_DATA_DIR = "/nowhere"  # prices come from this fixture alone
    cash = factories.AssetCategoryFactory(
        slug="cash", name="Cash", risk_level=AssetCategory.RiskLevel.VERY_LOW, colour=11
    )
    made = {
        "BTC": factories.AssetFactory(coingecko_id="bitcoin", symbol="BTC", name="Bitcoin"),
        "SOL": factories.AssetFactory(coingecko_id="solana", symbol="SOL", name="Solana"),
        "UNI": factories.AssetFactory(coingecko_id="uniswap", symbol="UNI", name="Uniswap"),
        "USD": factories.AssetFactory(
            coingecko_id="usd", symbol="USD", name="US dollar", kind=Asset.Kind.CASH, category=cash
        ),
    }
    generator = np.random.default_rng(7)
    shocks = generator.normal(0, 0.03, (90, 3)) + generator.normal(0, 0.02, (90, 1))
    for column, symbol in enumerate(["BTC", "SOL", "UNI"]):
        path = np.exp(np.cumsum(shocks[:, column]))
        closes = path / path[-1] * 100
        days = {AS_OF - timedelta(days=89 - n): float(close) for n, close in enumerate(closes)}
        days |= {AS_OF + timedelta(days=n): 100.0 for n in (1, 2, 3)}
        quote(made[symbol], days)
    return made


Holder = Callable[..., Portfolio]


@pytest.fixture
def hold(coins) -> Holder:
    """hold({"BTC": 6, ...}, targets={"BTC": "0.5", ...}): a portfolio with these facts."""

    def make(
        quantities: Mapping[str, object], targets: Mapping[str, str], **fields: object
    ) -> Portfolio:
        portfolio = factories.PortfolioFactory(**fields)
        for symbol, quantity in quantities.items():
            factories.HoldingFactory(
                portfolio=portfolio, asset=coins[symbol], quantity=Decimal(str(quantity))
            )
        for symbol, weight in targets.items():
            factories.TargetWeightFactory(
                portfolio=portfolio, asset=coins[symbol], weight=Decimal(weight)
            )
        return portfolio

    return make


def rehold(portfolio: Portfolio, asset: Asset, quantity: object) -> None:
    """Change one balance, as an edit does."""
    with revisions.changing(portfolio) as locked:
        locked.holdings.filter(asset=asset).update(quantity=Decimal(str(quantity)))
