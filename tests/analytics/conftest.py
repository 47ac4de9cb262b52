"""A small market and portfolios in it, for the night's tests."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.db import transaction
from django.test import override_settings

from accounts.emails import Rendered
from accounts.models import OutgoingEmail
from accounts.services import letters
from portfolios.models import Asset, AssetCategory, Portfolio
from portfolios.services import catalogue, price_imports, revisions
from tests import factories

AS_OF = date(2024, 6, 30)


@pytest.fixture
def as_of() -> date:
    return AS_OF


def quote(directory: Path, symbol: str, closes: Mapping[date, float]) -> None:
    """Write the daily file of an asset; the day's range is half a percent around each close."""
    rows = [
        f"{day},{close},{close * 1.005},{close * 0.995},{close},,\n"
        for day, close in sorted(closes.items())
    ]
    header = "date,open,high,low,close,volume,market_cap\n"
    (directory / f"{symbol}.csv").write_text(header + "".join(rows))


@pytest.fixture
def quotes(tmp_path, settings) -> Path:
    """The directory that the night reads its prices from."""
    settings.MARKET_DATA_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def coins(transactional_db, quotes) -> dict[str, Asset]:
    """Bitcoin, two alts and dollars; 90 days of prices, 100 on the last day and the next three."""
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
        quote(quotes, symbol, days)
    return made


@pytest.fixture(scope="module")
def loaded_market(market_directory, django_db_setup, django_db_blocker) -> Iterator[Path]:
    """The catalogue and all real prices, imported once for all tests of a module."""
    settings = override_settings(MARKET_DATA_DIR=str(market_directory))
    with settings, django_db_blocker.unblock(), transaction.atomic():
        catalogue.load()
        price_imports.refresh(as_of=date(2024, 12, 31))
        yield market_directory
        transaction.set_rollback(True)


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


def written(**of: object) -> Rendered | None:
    """What the only letter says, or the only one of a person."""
    return letters.write(OutgoingEmail.objects.get(kind=letters.KIND, **of))


def rehold(portfolio: Portfolio, asset: Asset, quantity: object) -> None:
    """Change one balance, as an edit does."""
    with revisions.changing(portfolio) as locked:
        locked.holdings.filter(asset=asset).update(quantity=Decimal(str(quantity)))
