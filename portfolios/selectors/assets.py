"""The catalogue, as pickers offer it."""

from django.db.models import F, QuerySet

from portfolios.models import Asset


def offered() -> QuerySet[Asset]:
    """Active assets, category by category, the largest first."""
    return (
        Asset.objects.filter(is_active=True)
        .select_related("category")
        .order_by(
            "category__position", "category__name", F("cap_rank").asc(nulls_last=True), "symbol"
        )
    )
