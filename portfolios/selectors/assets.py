"""The catalogue and a person's own assets, as pickers offer them."""

from collections.abc import Collection

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from accounts.models import User
from portfolios.models import Asset, AssetCategory

MOST_FOUND = 20
OWN = "own:"  # what the key of somebody's own asset begins with
LONGEST_SEARCH = 80


class UnknownAsset(Exception):
    """No asset that the person may use has this key."""


def key(asset: Asset) -> str:
    """What programs call an asset: its provider's id, or for an own one its number."""
    return asset.coingecko_id or f"{OWN}{asset.pk}"


def by_key(keys: Collection[str], *, user: User | AnonymousUser) -> dict[str, Asset]:
    """The assets of these keys, whatever the user may see of them, in one query.

    Raises UnknownAsset, which names the first that is none.
    """
    own = [each.removeprefix(OWN) for each in keys if each.startswith(OWN)]
    numbers = [int(each) for each in own if each.isascii() and each.isdigit() and len(each) < 19]
    visible = Asset.of_anybody.visible_to(user).select_related("category")
    asked = Q(coingecko_id__in=keys) | Q(pk__in=numbers, owner__isnull=False)
    found = {key(asset): asset for asset in visible.filter(asked)} if keys else {}
    if unknown := sorted(set(keys) - set(found)):
        raise UnknownAsset(f"There is no asset “{unknown[0]}”. The list of assets has their ids.")
    return found


def offered(user: User | AnonymousUser) -> QuerySet[Asset]:
    """Active assets and the user's own, category by category, the largest first."""
    return (
        Asset.of_anybody.visible_to(user)
        .filter(is_active=True)
        .select_related("category")
        .order_by(
            "category__position", "category__name", F("cap_rank").asc(nulls_last=True), "symbol"
        )
    )


def categories_offered() -> QuerySet[AssetCategory]:
    """Categories that have an active asset to stand in for them, in the catalogue's order."""
    return AssetCategory.objects.filter(
        Exists(Asset.objects.filter(category=OuterRef("pk"), is_active=True))
    )


def search(text: str, *, user: User | AnonymousUser) -> QuerySet[Asset]:
    """What is offered whose ticker, name or id has the text: the very ticker first, by size."""
    text = text.replace("\x00", "").strip()[:LONGEST_SEARCH]
    if not text:
        return Asset.objects.none()
    closeness = Case(
        When(symbol__iexact=text, then=Value(0)),
        When(symbol__istartswith=text, then=Value(1)),
        When(name__istartswith=text, then=Value(2)),
        default=Value(3),
    )
    has_text = Q(symbol__icontains=text) | Q(name__icontains=text) | Q(coingecko_id__icontains=text)
    return (
        Asset.of_anybody.visible_to(user)
        .filter(has_text, is_active=True)
        .select_related("category")
        .order_by(closeness, F("cap_rank").asc(nulls_last=True), "symbol", "name")[:MOST_FOUND]
    )


def filtered(
    user: User | AnonymousUser,
    *,
    search: str = "",
    category: str = "",
    kind: str = "",
    is_active: bool | None = None,
) -> QuerySet[Asset]:
    """What the user may see of all assets, active or not."""
    rows = Asset.of_anybody.visible_to(user).select_related("category")
    if search:
        names = Q(symbol__icontains=search) | Q(name__icontains=search)
        rows = rows.filter(names | Q(coingecko_id__icontains=search))
    if category:
        rows = rows.filter(category__slug=category)
    if kind:
        rows = rows.filter(kind=kind)
    return rows if is_active is None else rows.filter(is_active=is_active)
