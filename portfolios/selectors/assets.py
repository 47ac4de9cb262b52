"""The catalogue and a person's own assets, as pickers offer them."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from accounts.models import User
from portfolios.models import Asset, AssetCategory

MOST_FOUND = 20
LONGEST_SEARCH = 80


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
