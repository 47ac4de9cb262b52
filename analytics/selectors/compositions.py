"""What a portfolio is made of, from what the night stored: its positions, their risks and pairs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np
from django.db import connection

from analytics.core import risk
from analytics.models import AssetDay
from analytics.selectors.checklist import MAJOR_CATEGORIES, Composition, Part
from analytics.selectors.portfolio_pages import Reading
from portfolios.models import Asset, Portfolio
from portfolios.models.portfolios import MoneyRole

# The rows of some assets in the night's correlation matrix, and where those assets stand in it.
ROWS = """
    SELECT asset_ids[place]::bigint, place, correlation[(place - 1) * size + 1 : place * size]
    FROM (
        SELECT asset_ids, correlation, cardinality(asset_ids) AS size
        FROM analytics_marketsnapshot WHERE as_of = %(as_of)s
    ) AS market
    CROSS JOIN LATERAL generate_subscripts(asset_ids, 1) AS place
    WHERE asset_ids[place] = ANY(%(assets)s)
"""


def read(portfolio: Portfolio, reading: Reading) -> Composition:
    """What is held, at the close of the night that measured it."""
    as_of = reading.run.as_of
    held = [position for position in reading.positions if position.value > 0]
    ids = [position.asset.pk for position in held]
    half_year = AssetDay.objects.filter(as_of=as_of, asset__in=ids).values_list(
        "asset_id", "correlation_180d"
    )
    correlations = dict(half_year)
    parts = [
        Part(
            asset=position.asset,
            weight=position.weight,
            share_of_risk=position.share_of_risk,
            correlation=correlations.get(position.asset.pk),
        )
        for position in held
    ]
    risky = [part.asset.pk for part in parts if not part.is_money]
    pairs = read_pairs(as_of=as_of, asset_ids=risky)
    return Composition(
        parts=parts,
        profile=portfolio.profile,
        average_correlation=_average(pairs),
        pairs=pairs,
        leaders=leaders(as_of=as_of, categories=list(MAJOR_CATEGORIES)),
        has_dry_powder=portfolio.money_role == MoneyRole.DRY_POWDER,
    )


def read_pairs(*, as_of: date, asset_ids: Collection[int]) -> dict[tuple[int, int], float]:
    """The night's correlation of each pair, the smaller id first; nothing of what it lacks."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS, {"as_of": as_of, "assets": list(asset_ids)})
        rows = {pk: (place, row) for pk, place, row in cursor.fetchall()}
    return {
        (first, second): row[rows[second][0] - 1]
        for first, (_, row) in rows.items()
        for second in rows
        if first < second
    }


def _average(pairs: Mapping[tuple[int, int], float]) -> float | None:
    ids = sorted({pk for pair in pairs for pk in pair})
    if len(ids) < 2:
        return None
    matrix = np.eye(len(ids))
    for (first, second), rho in pairs.items():
        row, column = ids.index(first), ids.index(second)
        matrix[row, column] = matrix[column, row] = rho
    return float(risk.average_correlation(matrix, np.ones((1, len(ids)), dtype=bool))[0])


def leaders(*, as_of: date, categories: Sequence[str]) -> dict[str, Asset]:
    """The largest active asset of each category, of those that the night measured."""
    measured = AssetDay.objects.filter(as_of=as_of, volatility__isnull=False, close_on=as_of)
    listed = (
        Asset.objects.filter(
            is_active=True, category__slug__in=categories, pk__in=measured.values("asset")
        )
        .select_related("category")
        .order_by("category_id", "cap_rank")
        .distinct("category_id")
    )
    return {asset.category.slug: asset for asset in listed}
