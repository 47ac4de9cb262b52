"""Model portfolios, and the assets that may fill their category slots."""

from collections.abc import Container

from django.db.models import Prefetch, QuerySet

from portfolios.models import Asset, ModelPortfolio, ModelPortfolioLine


def all_with_lines() -> QuerySet[ModelPortfolio]:
    lines = ModelPortfolioLine.objects.select_related("asset__category", "category")
    return ModelPortfolio.objects.select_related("profile").prefetch_related(
        Prefetch("lines", queryset=lines)
    )


def example(slug: str) -> ModelPortfolio | None:
    """The model of this name, else the one in the middle of them, neither calm nor wild."""
    models = list(ModelPortfolio.objects.all())
    named = next((model for model in models if model.slug == slug), None)
    return named or (models[len(models) // 2] if models else None)


def assets_for_slot(
    line: ModelPortfolioLine, *, taken: Container[Asset], priced: Container[int]
) -> list[Asset]:
    """What fits a category slot: active, priced and not taken, the largest first."""
    active = Asset.objects.filter(category_id=line.category_id, is_active=True)
    return [asset for asset in active if asset.pk in priced and asset not in taken]
