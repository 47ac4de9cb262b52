"""Rows for tests. Every default is valid, and also valid beside a loaded catalogue."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
from django.db.models.functions import Now
from factory import LazyAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory, Password

from accounts.models import Notification, User, Webhook
from accounts.services import guests, notifications, webhooks
from analytics.models import AssetDay
from portfolios.models import (
    Asset,
    AssetCategory,
    DailyPrice,
    Holding,
    OwnPrice,
    Portfolio,
    TargetWeight,
    Transaction,
)

PASSWORD = "calm-water-under-the-keel"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    email = Sequence(lambda n: f"skipper{n}@example.org")
    password = Password(PASSWORD)


def guest(*, days_ago: float = 0, **fields: Any) -> User:
    """Somebody who tries the site without signing up."""
    made = guests.create()
    changes = {"guest_since": Now() - timedelta(days=days_ago), **fields}
    User.objects.filter(pk=made.pk).update(**changes)
    made.refresh_from_db()
    return made


def notification(user: User, **fields: Any) -> Notification:
    """Something that this person was told."""
    words = {
        "kind": "drift",
        "subject": "Rainy days is 7.2 pp off",
        "body": "SOL is at 20 %.",
        "link": "/portfolios/",
        "key": "drift:1",
    } | fields
    notifications.notify(user=user, **words)
    return Notification.objects.get(user=user, key=words["key"])


def webhook(user: User, url: str = "https://hooks.example.org/evenkeel") -> Webhook:
    """An address that this person has told of drift."""
    return webhooks.create(user=user, url=url, kinds=["drift"])[0]


class AssetCategoryFactory(DjangoModelFactory[AssetCategory]):
    """One category, the catalogue's own: colours are unique and few."""

    class Meta:
        model = AssetCategory
        django_get_or_create = ("slug",)

    slug = "smart-contract-l1"
    name = "Smart Contract L1s"
    risk_level = AssetCategory.RiskLevel.MEDIUM
    colour = 2


class AssetFactory(DjangoModelFactory[Asset]):
    class Meta:
        model = Asset

    coingecko_id = Sequence(lambda n: f"test-coin-{n}")
    symbol = Sequence(lambda n: f"TC{n}")
    name = LazyAttribute(lambda asset: f"Test coin {asset.symbol}")
    category = SubFactory(AssetCategoryFactory)


class DailyPriceFactory(DjangoModelFactory[DailyPrice]):
    """A flat day: give `close`, and open, high and low follow it."""

    class Meta:
        model = DailyPrice

    asset = SubFactory(AssetFactory)
    date = date(2024, 12, 31)
    close = 100.0
    open = factory.SelfAttribute("close")
    high = factory.SelfAttribute("close")
    low = factory.SelfAttribute("close")


def own_asset(*, owner: User, prices: Mapping[date, float] | None = None, **fields: Any) -> Asset:
    """Something that the catalogue does not list, at the prices its owner gives it."""
    asset: Asset = AssetFactory(owner=owner, coingecko_id=None, **fields)
    for day, price in (prices or {}).items():
        OwnPrice.objects.create(asset=asset, date=day, price=price)
    return asset


def asset_day(asset: Asset, *, as_of: date, **fields: Any) -> AssetDay:
    """What a night measured of an asset, not stored yet."""
    figures: dict[str, Any] = {
        "close": 100.0,
        "close_on": as_of,
        "first_close_on": as_of - timedelta(days=999),
        "observed_days": 365,
        "volatility": 0.8,
        "correlation": 0.7,
        "common_days": 365,
        "drawdown": -0.2,
        "max_drawdown": -0.5,
        "changes": [0.1, 0.2, 0.3],
        "against_bitcoin": [0.01, 0.02, 0.03],
        "against_category": [-0.01, -0.02, -0.03],
    }
    return AssetDay(asset=asset, as_of=as_of, **{**figures, **fields})


class PortfolioFactory(DjangoModelFactory[Portfolio]):
    class Meta:
        model = Portfolio

    owner = SubFactory(UserFactory)
    name = Sequence(lambda n: f"Portfolio {n}")


class TransactionFactory(DjangoModelFactory[Transaction]):
    """A purchase of 2024's last day, from nobody knows what. Holdings do not follow."""

    class Meta:
        model = Transaction

    portfolio = SubFactory(PortfolioFactory)
    kind = Transaction.Kind.BUY
    at = datetime(2024, 12, 31, 12, tzinfo=UTC)
    received_asset = SubFactory(AssetFactory)
    received_quantity = Decimal(1)


class HoldingFactory(DjangoModelFactory[Holding]):
    """A balance, and the line of the ledger that explains it."""

    class Meta:
        model = Holding
        skip_postgeneration_save = True

    portfolio = SubFactory(PortfolioFactory)
    asset = SubFactory(AssetFactory)
    quantity = Decimal(1)

    @factory.post_generation
    def in_ledger(self: Holding, create: bool, value: Any, **fields: Any) -> None:
        if create and self.quantity:
            TransactionFactory(
                portfolio=self.portfolio,
                kind=Transaction.Kind.BALANCE,
                received_asset=self.asset,
                received_quantity=self.quantity,
                **fields,
            )


class TargetWeightFactory(DjangoModelFactory[TargetWeight]):
    class Meta:
        model = TargetWeight

    portfolio = SubFactory(PortfolioFactory)
    asset = SubFactory(AssetFactory)
    weight = Decimal("0.5")


def staff(**fields: Any) -> User:
    """Somebody who may do anything in the admin."""
    return UserFactory(is_staff=True, is_superuser=True, **fields)
