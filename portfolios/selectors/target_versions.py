"""Versions of targets, as pages show them and as they can be had again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.core.paginator import Page, Paginator

from portfolios.models import Asset, AssetCategory, Portfolio, TargetVersion, TokenMigration

PAGE = 25


@dataclass(frozen=True)
class Aims:
    """What a version says, in what there is now; `missing` names what is gone since."""

    weights: Mapping[Asset | AssetCategory, Decimal]
    missing: Sequence[str]


def page(portfolio: Portfolio, number: str) -> Page[TargetVersion]:
    """The newest first."""
    return Paginator(portfolio.target_versions.all(), PAGE).get_page(number)


def aims(version: TargetVersion, *, portfolio: Portfolio) -> Aims:
    """A token that another replaced since is that other one."""
    ids = {line["asset"] for line in version.lines if "asset" in line}
    applied = TokenMigration.objects.filter(
        old_asset__in=ids, state=TokenMigration.State.APPLIED
    ).values_list("old_asset", "new_asset")
    newer = dict(applied)
    visible = Asset.of_anybody.visible_to(portfolio.owner).select_related("category")
    assets = visible.in_bulk({newer.get(pk, pk) for pk in ids})
    categories = AssetCategory.objects.in_bulk(
        {line["category"] for line in version.lines if "category" in line}
    )
    weights: dict[Asset | AssetCategory, Decimal] = {}
    missing = []
    for line in version.lines:
        aim: Asset | AssetCategory | None
        if "asset" in line:
            aim = assets.get(newer.get(line["asset"], line["asset"]))
        else:
            aim = categories.get(line.get("category"))
        if aim is None:
            missing.append(line["name"])
        else:
            weights[aim] = weights.get(aim, Decimal(0)) + Decimal(line["weight"])
    return Aims(weights, missing)
