"""Who uses a row of the catalogue, counted before it is changed or removed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from portfolios.models import (
    Asset,
    AssetCategory,
    DailyPrice,
    Holding,
    ModelPortfolio,
    Portfolio,
    TargetWeight,
    TokenMigration,
    Transaction,
)
from portfolios.selectors import ledger


@dataclass(frozen=True)
class Use:
    """The model portfolios that name something, and how many portfolios and people it touches."""

    model_portfolios: tuple[str, ...] = ()
    portfolios: int = 0
    owners: int = 0


def of_assets(asset_ids: Collection[int], *, slots_of: Collection[int] = ()) -> Use:
    """Who uses any of these assets, or has a slot or a target of these categories."""
    models = ModelPortfolio.objects.filter(
        Q(lines__asset__in=asset_ids) | Q(lines__category__in=slots_of)
    ).distinct()
    rows = {"portfolio": OuterRef("pk"), "asset__in": asset_ids}
    portfolios = Portfolio.objects.filter(
        Exists(Holding.objects.filter(**rows))
        | Exists(TargetWeight.objects.filter(**rows))
        | Exists(TargetWeight.objects.filter(portfolio=OuterRef("pk"), category__in=slots_of))
    )
    return _counted(models.values_list("name", flat=True), portfolios)


def of_categories(category_ids: Collection[int]) -> Use:
    """Who uses any asset of these categories, people's own too, or a slot or a target of them."""
    assets = Asset.of_anybody.filter(category__in=category_ids)
    return of_assets(list(assets.values_list("pk", flat=True)), slots_of=category_ids)


def own_assets_in(category: AssetCategory) -> int:
    """How many assets people have added to a category for themselves."""
    return Asset.of_anybody.filter(category=category).exclude(owner=None).count()


def of_profiles(profile_ids: Collection[int]) -> Use:
    """Which models and portfolios follow these risk profiles."""
    models = ModelPortfolio.objects.filter(profile__in=profile_ids)
    portfolios = Portfolio.objects.filter(profile__in=profile_ids)
    return _counted(models.values_list("name", flat=True), portfolios)


def of_models(model_ids: Collection[int]) -> Use:
    """The models themselves, and the portfolios that follow their profiles."""
    models = ModelPortfolio.objects.filter(pk__in=model_ids)
    portfolios = Portfolio.objects.filter(profile__in=models.order_by().values("profile"))
    return _counted(models.values_list("name", flat=True), portfolios)


def of_migration(migration: TokenMigration) -> Use:
    """What an applied migration has moved, and a reversal would move back."""
    moved = migration.moved.values("portfolio"), migration.moved.values("model_portfolio")
    models = ModelPortfolio.objects.filter(pk__in=moved[1].filter(model_portfolio__isnull=False))
    portfolios = Portfolio.objects.filter(pk__in=moved[0].filter(portfolio__isnull=False))
    return _counted(models.values_list("name", flat=True), portfolios)


def days_of_prices(asset: Asset) -> int:
    return DailyPrice.objects.filter(asset=asset).count()


def transactions_of(asset: Asset) -> int:
    """How many lines of ledgers name it in any place."""
    return Transaction.objects.filter(ledger.names(asset)).count()


def migrations_of(asset: Asset) -> list[TokenMigration]:
    named = TokenMigration.objects.filter(Q(old_asset=asset) | Q(new_asset=asset))
    return list(named.select_related("old_asset", "new_asset"))


def of_venues(venue_ids: Collection[int]) -> Use:
    """Whose costs are reckoned with these venues."""
    return _counted((), Portfolio.objects.filter(venue__in=venue_ids))


def _counted(model_names: Iterable[str], portfolios: QuerySet[Portfolio]) -> Use:
    counts = portfolios.aggregate(portfolios=Count("pk"), owners=Count("owner", distinct=True))
    return Use(tuple(model_names), **counts)
