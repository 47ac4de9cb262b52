"""Every list asks the database as often for a thousand rows as for a few.

Each page is read with little in the database, then with 1,000 portfolios of its reader, of which
one holds and wants 500 assets. A new list page gets a row here.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import BlockedAddress, Notification, OutgoingEmail, User
from analytics.models import AssetDay, MarketSnapshot, NightlyRun, RegimeDay
from portfolios.models import (
    Asset,
    DailyPrice,
    Holding,
    Import,
    ImportRow,
    MarketEvent,
    MarketSignal,
    OwnPrice,
    Portfolio,
    QuarantinedPrice,
    QuarantinedSignal,
    TargetWeight,
    TokenMigration,
    Transaction,
)
from portfolios.services import catalogue
from tests.factories import (
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    asset_day,
    notification,
    staff,
)

pytestmark = pytest.mark.django_db

AS_OF = date(2024, 6, 30)
PORTFOLIOS, ASSETS = 1000, 500
# The address of each list, and the most queries that it may take.
PAGES = {
    "accounts:notification-list": 5,
    "accounts:session-list": 5,
    "analytics:portfolio-list": 9,
    "analytics:market": 9,
    "analytics:asset-list": 9,
    "analytics:asset": 9,
    "analytics:volatility": 9,
    "analytics:correlation": 9,
    "analytics:correlation-heatmap": 8,
    "analytics:correlation-pair": 9,
    "analytics:workbench": 14,
    "analytics:proposals": 14,
    "analytics:finder": 15,
    "analytics:target-versions": 9,
    "portfolios:holdings": 12,
    "portfolios:targets": 9,
    "portfolios:asset-options": 5,
    "portfolios:portfolio-create": 11,
    "portfolios:model-portfolio-list": 5,
    "portfolios:own-asset-list": 6,
    "portfolios:activity": 12,
    "portfolios:import-list": 12,
    "portfolios:import": 9,
    "portfolios:gains": 9,
    "portfolios:rules": 12,
    "analytics:tilt": 12,
    "admin:analytics_nightlyrun_changelist": 12,
    "admin:portfolios_venue_changelist": 12,
    "admin:accounts_blockedaddress_changelist": 12,
    "admin:auth_group_changelist": 12,
    "admin:portfolios_asset_changelist": 12,
    "admin:portfolios_assetcategory_changelist": 12,
    "admin:portfolios_modelportfolio_changelist": 12,
    "admin:portfolios_riskprofile_changelist": 12,
    "admin:portfolios_tokenmigration_changelist": 12,
    "admin:portfolios_portfolio_changelist": 12,
    "admin:portfolios_quarantinedprice_changelist": 12,
    "admin:portfolios_quarantinedsignal_changelist": 12,
    "admin:portfolios_marketevent_changelist": 12,
    "admin:portfolios_marketsignal_changelist": 12,
    "admin:accounts_user_changelist": 12,
    "admin:accounts_outgoingemail_changelist": 12,
}
SEARCHED = {"analytics:asset-list", "portfolios:asset-options"}
OF_ASSETS = {
    "analytics:asset": ["solana"],
    "analytics:correlation-pair": ["solana", "ethereum"],
}
OF_A_PORTFOLIO = {
    f"portfolios:{name}"
    for name in ("holdings", "targets", "rules", "activity", "import-list", "gains")
} | {
    f"analytics:{name}" for name in ("workbench", "proposals", "finder", "target-versions", "tilt")
}


@pytest.fixture
def reader() -> User:
    catalogue.load()
    return staff()


@pytest.fixture
def portfolio(reader: User) -> Portfolio:
    """One of each kind: in use, archived, deleted; a holding, a target, a measured market."""
    portfolio = PortfolioFactory(owner=reader)
    asset = Asset.objects.get(coingecko_id="bitcoin")
    HoldingFactory(portfolio=portfolio, asset=asset)
    TargetWeightFactory(portfolio=portfolio, asset=asset, weight=Decimal("0.002"))
    put_away(reader, 1)
    NightlyRun.objects.create(as_of=AS_OF, is_current=True, state="published")
    measure(list(Asset.objects.all()))
    letters(1)
    log_in_elsewhere(reader, 1)
    notification(reader)
    readers_own(portfolio, [asset, Asset.objects.filter(kind=Asset.Kind.CASH).latest("pk")])
    return portfolio


def put_away(owner: User, number: int) -> None:
    now = timezone.now()
    Portfolio.objects.bulk_create(
        Portfolio(owner=owner, name=f"{field} {n}", **{field: now})
        for n in range(number)
        for field in ("archived_at", "deleted_at")
    )


def measure(assets: list[Asset]) -> None:
    """A market in which each of these has a price, a volatility and correlations."""
    count = len(assets)
    DailyPrice.objects.bulk_create(
        [
            DailyPrice(asset=each, date=AS_OF, open=1, high=1, low=1, close=1 + n)
            for n, each in enumerate(assets)
        ],
        ignore_conflicts=True,
    )
    MarketSnapshot.objects.all().delete()
    fields: dict[str, Any] = {
        "asset_ids": [each.pk for each in assets],
        "daily_volatility": [0.04] * count,
        "correlation": np.eye(count).ravel().tolist(),
        "overlap": [400] * count**2,
    }
    names = {field.name for field in MarketSnapshot._meta.concrete_fields}
    if "covariance" in names:
        fields["covariance"] = np.eye(count).ravel().tolist()
    MarketSnapshot.objects.create(as_of=AS_OF, **fields)
    AssetDay.objects.all().delete()
    AssetDay.objects.bulk_create(asset_day(each, as_of=AS_OF) for each in assets)


def log_in_elsewhere(user: User, number: int) -> None:
    """So many more sessions in which the user is logged in."""
    for n in range(number):
        session = SessionStore()
        session.update({SESSION_KEY: str(user.pk), HASH_SESSION_KEY: user.get_session_auth_hash()})
        session.create()
        UserSession.objects.create(
            user=user, session_key=session.session_key, ip="127.0.0.1", user_agent=f"Browser {n}"
        )


def letters(number: int) -> None:
    OutgoingEmail.objects.bulk_create(
        OutgoingEmail(dedupe_key=f"letter {number} {n}", recipient="a@example.org", kind="account")
        for n in range(number)
    )


def grow(portfolio: Portfolio) -> None:
    """1,000 portfolios of one reader, 500 assets, and as much of everything else."""
    owner, bitcoin = portfolio.owner, Asset.objects.get(coingecko_id="bitcoin")
    Asset.objects.bulk_create(
        Asset(coingecko_id=f"many-{n}", symbol=f"M{n}", name=f"Many {n}", category=bitcoin.category)
        for n in range(ASSETS - Asset.objects.count())
    )
    assets = list(Asset.objects.all())
    assert len(assets) == ASSETS
    Portfolio.objects.bulk_create(
        Portfolio(owner=owner, name=f"Number {n}") for n in range(PORTFOLIOS - 301)
    )
    put_away(owner, 149)
    assert Portfolio.objects.filter(owner=owner).count() == PORTFOLIOS
    others = [each for each in assets if each != bitcoin]
    Holding.objects.bulk_create(
        Holding(portfolio=portfolio, asset=each, quantity=1) for each in others[::2]
    )
    TargetWeight.objects.bulk_create(
        TargetWeight(portfolio=portfolio, asset=each, weight=Decimal("0.002")) for each in others
    )
    measure(assets)
    letters(200)
    log_in_elsewhere(owner, 50)
    Notification.objects.bulk_create(
        Notification(user=owner, kind="drift", key=f"many:{n}", subject="Off") for n in range(1000)
    )
    User.objects.bulk_create(User(email=f"many{n}@example.org") for n in range(200))
    TokenMigration.objects.bulk_create(
        TokenMigration(old_asset=old, new_asset=bitcoin, effective_on=AS_OF, started_by=owner)
        for old in others[:200]
    )
    for model in (QuarantinedPrice, QuarantinedSignal):
        model.objects.bulk_create(
            model(source="a", line=n, reason="b", row="c") for n in range(200)
        )
    MarketEvent.objects.bulk_create(
        MarketEvent(date=AS_OF + timedelta(days=1), title=f"Event {n}") for n in range(200)
    )
    RegimeDay.objects.bulk_create(
        RegimeDay(date=AS_OF - timedelta(days=n), label="bull", days=1) for n in range(1000)
    )
    MarketSignal.objects.bulk_create(
        MarketSignal(name="funding_rate", asset=each, date=AS_OF, value=0) for each in assets
    )
    NightlyRun.objects.bulk_create(
        NightlyRun(as_of=AS_OF - timedelta(days=n), state="published") for n in range(1, 200)
    )
    BlockedAddress.objects.bulk_create(
        BlockedAddress(address=f"gone{n}@example.org", reason="bounced") for n in range(200)
    )
    Group.objects.bulk_create(Group(name=f"Group {n}") for n in range(200))
    readers_own(portfolio, others[:200])


def readers_own(portfolio: Portfolio, assets: list[Asset]) -> None:
    """As many assets of the reader's own, lines of the ledger and imports."""
    owner = portfolio.owner
    own = Asset.of_anybody.bulk_create(
        Asset(owner=owner, symbol="OWN", name="Own", category=each.category) for each in assets
    )
    OwnPrice.objects.bulk_create(OwnPrice(asset=each, date=AS_OF, price=1) for each in own)
    Transaction.objects.bulk_create(
        Transaction(
            portfolio=portfolio,
            kind="balance",
            at=timezone.now(),
            received_asset=each,
            received_quantity=1,
        )
        for each in assets
    )
    Import.objects.bulk_create(
        Import(portfolio=portfolio, format="binance", file_name="a.csv", state="imported")
        for _ in assets
    )
    file = Import.objects.earliest("pk")
    ImportRow.objects.bulk_create(
        ImportRow(import_run=file, position=n, line=n, fate="new", entry=deposit(each))
        for n, each in enumerate(assets, start=file.rows.count())
    )


def deposit(asset: Asset) -> dict[str, Any]:
    received = {"ticker": asset.symbol, "quantity": "1", "asset": asset.pk}
    return {"at": f"{AS_OF}T00:00:00+00:00", "kind": "deposit", "received": received}


@pytest.fixture
def queries(portfolio: Portfolio) -> Callable[[str], int]:
    client = Client()
    client.force_login(portfolio.owner)

    def count(name: str) -> int:
        arguments: list[Any] = [portfolio.pk] if name in OF_A_PORTFOLIO else OF_ASSETS.get(name, [])
        if name == "portfolios:import":
            arguments = [portfolio.pk, Import.objects.earliest("pk").pk]
        address = reverse(name, args=arguments)
        ContentType.objects.clear_cache()
        with CaptureQueriesContext(connection) as captured:
            response = client.get(address, {"q": "M"} if name in SEARCHED else {})
            assert response.status_code == 200
        return len(captured)

    count("analytics:portfolio-list")
    return count


@pytest.mark.parametrize("name", PAGES)
def test_a_list_takes_as_many_queries_for_a_thousand_as_for_a_few(
    name: str, portfolio: Portfolio, queries: Callable[[str], int]
) -> None:
    few = queries(name)
    grow(portfolio)
    assert queries(name) <= few
    assert few <= PAGES[name]


def test_no_section_of_the_list_shows_more_than_a_page(portfolio: Portfolio) -> None:
    grow(portfolio)
    client = Client()
    client.force_login(portfolio.owner)
    page = client.get(reverse("analytics:portfolio-list")).text
    assert "Archived (150)" in page
    assert page.count("Bring back archived") == 0
    assert page.count('aria-label="Bring back') == page.count('aria-label="Restore') == 25
    last = client.get(reverse("analytics:portfolio-list"), {"archived": "6", "deleted": "99"}).text
    assert "Page 6 of 6" in last
    assert last.count("<details") == last.count("open>") == 2
