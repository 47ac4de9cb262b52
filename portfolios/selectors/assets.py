"""The catalogue, as pickers offer it."""

from django.db.models import Case, F, Q, QuerySet, Value, When

from portfolios.models import Asset

MOST_FOUND = 20
LONGEST_SEARCH = 80


def offered() -> QuerySet[Asset]:
    """Active assets, category by category, the largest first."""
    return (
        Asset.objects.filter(is_active=True)
        .select_related("category")
        .order_by(
            "category__position", "category__name", F("cap_rank").asc(nulls_last=True), "symbol"
        )
    )


def search(text: str) -> QuerySet[Asset]:
    """Active assets whose ticker, name or id has the text: the very ticker first, then by size."""
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
        Asset.objects.filter(has_text, is_active=True)
        .select_related("category")
        .order_by(closeness, F("cap_rank").asc(nulls_last=True), "symbol", "name")[:MOST_FOUND]
    )
