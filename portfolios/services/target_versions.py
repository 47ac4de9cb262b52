"""Versions of targets: every save keeps one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from portfolios.models import Asset, AssetCategory, Portfolio, TargetVersion
from portfolios.selectors import portfolios

Aim = Asset | AssetCategory
BEFORE = "Before versions were kept"
LATER = "As they were before this change"


def keep(portfolio: Portfolio, weights: Mapping[Aim, Decimal], *, name: str = "") -> TargetVersion:
    """Keep targets that have just been saved, as the newest version.

    The caller holds the portfolio's lock, so numbers have no gaps and no doubles.
    """
    newest = portfolio.target_versions.first()
    return TargetVersion.objects.create(
        portfolio=portfolio,
        number=newest.number + 1 if newest else 1,
        name=name,
        lines=as_lines(weights),
    )


def keep_saved(portfolio: Portfolio) -> None:
    """Keep the targets that are about to be replaced, unless the newest version says them.

    Those of a portfolio made from a model have no version yet, and a token that replaced another
    changes targets, too. While a tilt is in force, they are the strategic ones.
    """
    weights = {target.aim: target.weight for target in portfolios.targets(portfolio)}
    newest = portfolio.target_versions.first()
    if weights and not (newest and _same(newest.lines, as_lines(weights))):
        keep(portfolio, weights, name=LATER if newest else BEFORE)


def rename(*, version: TargetVersion, name: str) -> None:
    """Call a version something else; the portfolio itself does not change."""
    version.name = name
    version.save(update_fields=["name"])


def copy_all(original: Portfolio, *, to: Portfolio) -> None:
    """Give a copy of a portfolio the same versions."""
    TargetVersion.objects.bulk_create(
        TargetVersion(
            portfolio=to,
            number=version.number,
            name=version.name,
            saved_at=version.saved_at,
            lines=version.lines,
        )
        for version in original.target_versions.all()
    )


def as_lines(weights: Mapping[Aim, Decimal]) -> list[dict[str, Any]]:
    """What a version stores; the largest weight first."""
    ordered = sorted(weights.items(), key=lambda pair: -pair[1])
    return [
        {
            "asset" if isinstance(aim, Asset) else "category": aim.pk,
            "name": aim.symbol if isinstance(aim, Asset) else aim.name,
            "weight": f"{weight.normalize():f}",
        }
        for aim, weight in ordered
    ]


def _same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    return _said(one) == _said(other)


def _said(lines: list[dict[str, Any]]) -> set[tuple[Any, Any, Decimal]]:
    return {(line.get("asset"), line.get("category"), Decimal(line["weight"])) for line in lines}
