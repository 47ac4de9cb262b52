"""What a person holds that the catalogue does not list: its name, its prices, its end."""

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import RestrictedError

from accounts.models import User
from portfolios.models import Asset, AssetCategory, Holding, OwnPrice, TargetWeight
from portfolios.services import revisions
from portfolios.services.errors import ConflictError, OwnAssetError

# The night makes room for what a portfolio holds of these (analytics.selectors.positions).
MOST_OWN_ASSETS = 50
SMALLEST_PRICE, LARGEST_PRICE = Decimal(10) ** -15, Decimal(10) ** 15
FIRST_DAY = date(2009, 1, 3)  # of the first block of all


@transaction.atomic
def create(
    *,
    owner: User,
    name: str,
    symbol: str,
    category: AssetCategory,
    price: Decimal,
    priced_on: date,
    today: date,
) -> Asset:
    """Add something that only its owner sees, at its first price. Raises OwnAssetError."""
    _check_price(price, priced_on, today)
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # so that two tabs count right
    if Asset.of_anybody.filter(owner=owner).count() >= MOST_OWN_ASSETS:
        raise OwnAssetError(
            f"There is room for {MOST_OWN_ASSETS} assets of your own. Remove one that is not used."
        )
    asset = Asset.objects.create(
        owner=owner, name=name, symbol=symbol, category=category, kind=_kind(category)
    )
    OwnPrice.objects.create(asset=asset, date=priced_on, price=float(price))
    return asset


@transaction.atomic
def update(*, asset: Asset, name: str, symbol: str, category: AssetCategory) -> None:
    """Change what an own asset is called and where it belongs. Idempotent but for revisions.

    Raises ConflictError when it is gone.
    """
    locked = _locked(asset)
    if locked.category_id != category.pk:
        _count_up(locked)
    locked.name, locked.symbol, locked.category = name, symbol, category
    locked.kind = _kind(category)
    locked.save(update_fields=["name", "symbol", "category", "kind"])


@transaction.atomic
def set_price(*, asset: Asset, price: Decimal, priced_on: date, today: date) -> None:
    """Say what it was worth at the close of a day; another price of that day is replaced.

    Every portfolio that holds or wants it is calculated anew. Raises OwnAssetError, and
    ConflictError when the asset is gone.
    """
    _check_price(price, priced_on, today)
    locked = _locked(asset)
    OwnPrice.objects.update_or_create(
        asset=locked, date=priced_on, defaults={"price": float(price)}
    )
    _count_up(locked)


@transaction.atomic
def remove(*, asset: Asset) -> None:
    """Delete an own asset and its prices. Raises OwnAssetError while any portfolio uses it."""
    try:
        _locked(asset).delete()
    except RestrictedError:
        raise OwnAssetError(
            f"{asset.symbol} is held or wanted in a portfolio, or in its history, perhaps in an "
            "archived or a deleted one. Take it out there first."
        ) from None


def _locked(asset: Asset) -> Asset:
    locked = Asset.of_anybody.select_for_update().filter(pk=asset.pk, owner=asset.owner_id).first()
    if locked is None:
        raise ConflictError(f"{asset.symbol} was removed in another tab.")
    return locked


def _kind(category: AssetCategory) -> str:
    """A stablecoin where all that is listed is one; never cash, which has no price of its own."""
    kinds = set(Asset.objects.filter(category=category).values_list("kind", flat=True))
    is_stable = kinds == {Asset.Kind.STABLECOIN}
    return Asset.Kind.STABLECOIN if is_stable else Asset.Kind.COIN


def _check_price(price: Decimal, priced_on: date, today: date) -> None:
    if not price.is_finite() or not SMALLEST_PRICE <= price <= LARGEST_PRICE:
        raise OwnAssetError("The price must be above zero and below 1,000,000,000,000,000 dollars.")
    if priced_on > today:
        raise OwnAssetError(
            f"The price must be of a day that is over, {today:%-d %B %Y} at the latest."
        )
    if priced_on < FIRST_DAY:
        raise OwnAssetError(f"The price must be of {FIRST_DAY:%-d %B %Y} or a later day.")


def _count_up(asset: Asset) -> None:
    """What holds or wants the asset is calculated again."""
    uses = [model.objects.filter(asset=asset) for model in (Holding, TargetWeight)]
    ids = {pk for rows in uses for pk in rows.values_list("portfolio_id", flat=True)}
    revisions.count_up(portfolio_ids=ids)
