"""People with tokens, and requests as their programs make them."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.api import throttling
from accounts.models import User
from accounts.services import tokens
from analytics.models import (
    AssetDay,
    MarketSnapshot,
    NightlyRun,
    PortfolioResult,
    RegimeDay,
    Suggestion,
)
from portfolios.models import Asset, DailyPrice, Portfolio
from portfolios.services import catalogue
from tests.factories import (
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    UserFactory,
    asset_day,
)

V1 = "/api/v1"
AS_OF = date(2024, 12, 31)
BOUGHT_AT = datetime(2024, 12, 30, 12, tzinfo=UTC)


def token_of(user: User, scope: str = "write") -> str:
    _, text = tokens.create(
        user=user, name="test", scope=scope, lifetime=timedelta(days=1), now=timezone.now()
    )
    return text


class Program(Client):
    """A client that sends JSON, and the token of a person."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__(headers={"Authorization": f"Token {token}"} if token else {})

    def send(
        self, method: str, path: str, body: Any = None, query: Any = None, **options: Any
    ) -> Any:
        arguments = {"content_type": "application/json"} if body is not None else {}
        text = "" if body is None else json.dumps(body)
        options |= {"query_params": query} if query else {}
        return self.generic(method, V1 + path, text, **arguments, **options)


Programs = Callable[..., Program]


@pytest.fixture
def program() -> Programs:
    """program(user): what works with a token of theirs that may write; or scope="read"."""

    def make(user: User | None = None, scope: str = "write") -> Program:
        return Program(token_of(user, scope) if user else None)

    return make


@pytest.fixture(autouse=True)
def unhurried(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told to wait, but where a test says so; and counts are of one test."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    monkeypatch.setattr(throttling, "ANONYMOUS_PER_MINUTE", 1_000_000)
    settings.ACCOUNT_RATE_LIMITS = {"recompute": "1000000/m/user"}


@pytest.fixture(scope="module")
def market(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The catalogue, as a night has measured it, for all tests of a module."""
    with django_db_blocker.unblock(), transaction.atomic():
        catalogue.load()
        measure_market()
        yield
        transaction.set_rollback(True)


def measure_market() -> None:
    assets = list(Asset.objects.exclude(kind="cash"))
    DailyPrice.objects.bulk_create(
        DailyPrice(asset=each, date=day, open=100, high=100, low=100, close=100)
        for each in assets
        for day in (AS_OF - timedelta(days=1), AS_OF)
    )
    AssetDay.objects.bulk_create(asset_day(each, as_of=AS_OF) for each in assets)
    MarketSnapshot.objects.create(
        as_of=AS_OF,
        asset_ids=[each.pk for each in assets],
        daily_volatility=[0.04] * len(assets),
        correlation=np.eye(len(assets)).ravel().tolist(),
        overlap=[400] * len(assets) ** 2,
    )
    RegimeDay.objects.create(date=AS_OF, label="bull", days=3)
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")


@pytest.fixture
def portfolio(market: None, db: None) -> Portfolio:
    """With some of everything, and out of its bands."""
    return drifted(UserFactory())


@pytest.fixture
def script(portfolio: Portfolio, program: Programs) -> Program:
    """Its owner's, that may write."""
    return program(portfolio.owner)


@pytest.fixture
def one(portfolio: Portfolio) -> str:
    return f"/portfolios/{portfolio.pk}/"


def drifted(owner: User, **fields: Any) -> Portfolio:
    portfolio: Portfolio = PortfolioFactory(owner=owner, **fields)
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    HoldingFactory(portfolio=portfolio, asset=bitcoin, in_ledger__at=BOUGHT_AT)
    TargetWeightFactory(portfolio=portfolio, asset=bitcoin, weight=Decimal(1))
    measure(portfolio, bitcoin, NightlyRun.objects.get())
    return portfolio


def measure(portfolio: Portfolio, asset: Asset, run: NightlyRun) -> None:
    """What a night would store of it: all in one asset, and 40 % of it to become ether."""
    ether = Asset.objects.get(coingecko_id="ethereum")
    PortfolioResult.objects.create(
        run=run,
        portfolio=portfolio,
        revision=portfolio.revision,
        status=PortfolioResult.Status.IN_BREACH,
        value=100,
        volatility=0.5,
        risk_coverage=1,
        band=0.05,
        worst_drift=0.4,
        asset_ids=[asset.pk, ether.pk],
        values=[100, 0],
        weights=[1, 0],
        target_weights=[0.6, 0.4],
        risk_contributions=[0.5, 0],
    )
    Suggestion.objects.create(
        run=run,
        portfolio=portfolio,
        revision=portfolio.revision,
        answer=Suggestion.Answer.ACT,
        cost=1,
        one_way_turnover=0.4,
        asset_ids=[asset.pk, ether.pk],
        amounts=[-40, 40],
        quantities=[-0.4, 0.4],
    )
