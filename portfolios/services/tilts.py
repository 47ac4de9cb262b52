"""Temporary targets: applied by their owner only, ended by a date, by hand or by new targets.

The targets in force are always the portfolio's target weights; while a tilt lasts, the strategic
ones wait in a table of their own, and return as they were.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.db import transaction

from accounts.models import Kind
from accounts.services import notifications
from portfolios.models import Portfolio, StrategicWeight, TargetWeight, Tilt
from portfolios.services import revisions, target_versions, targets
from portfolios.services.errors import TiltError
from portfolios.services.targets import Aim

Row = TypeVar("Row", TargetWeight, StrategicWeight)

AT_ONCE = 500  # portfolios in one transaction


def apply(
    *,
    portfolio: Portfolio,
    weights: Mapping[Aim, Decimal],
    regime: str,
    ends_on: date,
    expected_revision: int | None,
) -> None:
    """Put temporary targets in force beside the strategic ones, until the night of a day.

    Raises TiltError when one is in force already or there is nothing to tilt, TargetsError, and
    ConflictError when the portfolio is no longer at the revision that the person saw.
    """
    targets.check_weights(weights)
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        if Tilt.objects.filter(portfolio=locked).exists():
            raise TiltError("A temporary target is in force already. End that one first.")
        strategic = _in_force(locked)
        if {row.aim for row in strategic} != weights.keys():
            raise TiltError("The temporary target must name what your targets name.")
        target_versions.keep_saved(locked)
        put(portfolio=locked, weights=weights, regime=regime, ends_on=ends_on)
        target_versions.keep(locked, weights, name=f"Until {ends_on:%-d %B %Y}: {regime}"[:60])


def put(
    *, portfolio: Portfolio, weights: Mapping[Aim, Decimal], regime: str, ends_on: date
) -> None:
    """Write a tilt of a portfolio whose lock the caller holds; whether it may is checked before."""
    StrategicWeight.objects.bulk_create(_rows(StrategicWeight, _in_force(portfolio)))
    TargetWeight.objects.filter(portfolio=portfolio).delete()
    TargetWeight.objects.bulk_create(targets.rows(portfolio=portfolio, weights=weights))
    Tilt.objects.create(portfolio=portfolio, regime=regime, ends_on=ends_on)


def end(*, portfolio: Portfolio, expected_revision: int | None) -> None:
    """Bring the strategic targets back before the date. Idempotent but for the revision.

    Raises ConflictError as `apply` does.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        _restore([locked])


def expire(*, as_of: date) -> int:
    """End every tilt whose day has come, and tell its owner; how many. Idempotent."""
    due = Tilt.objects.filter(ends_on__lte=as_of).order_by("portfolio_id")
    ended = 0
    while ids := list(due.values_list("portfolio_id", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            revisions.count_up(portfolio_ids=ids)
            # Under the lock: one that was ended or begun anew meanwhile is not this one.
            tilts = due.filter(portfolio__in=ids).select_related("portfolio__owner")
            ended += _restore([tilt.portfolio for tilt in tilts], tell=as_of)
    return ended


def copy(*, original: Portfolio, portfolio: Portfolio) -> None:
    """Give a copy of a portfolio the same tilt; its target weights are copied by themselves."""
    tilt = Tilt.objects.filter(portfolio=original).first()
    if tilt is None:
        return
    Tilt.objects.create(portfolio=portfolio, regime=tilt.regime, ends_on=tilt.ends_on)
    rows = list(original.strategic_weights.all())
    for row in rows:
        row.pk, row.portfolio = None, portfolio
    StrategicWeight.objects.bulk_create(rows)


def _restore(portfolios: Collection[Portfolio], *, tell: date | None = None) -> int:
    """Put the strategic targets of these portfolios, which the caller has locked, in force."""
    tilts = Tilt.objects.filter(portfolio__in=portfolios)
    tilted = set(tilts.values_list("portfolio_id", flat=True))
    waiting = StrategicWeight.objects.filter(portfolio__in=tilted)
    rows = list(waiting.select_related("asset", "category").order_by("pk"))
    TargetWeight.objects.filter(portfolio__in=tilted).delete()
    TargetWeight.objects.bulk_create(_rows(TargetWeight, rows))
    waiting.delete()
    Tilt.objects.filter(portfolio__in=tilted).delete()
    strategic: dict[int, dict[Aim, Decimal]] = {pk: {} for pk in tilted}
    for row in rows:
        strategic[row.portfolio_id][row.aim] = row.weight
    for portfolio in portfolios:
        if weights := strategic.get(portfolio.pk):
            target_versions.keep(portfolio, weights, name="After the temporary target")
        if tell and portfolio.pk in tilted:
            _tell(portfolio, tell)
    return len(tilted)


def _tell(portfolio: Portfolio, day: date) -> None:
    notifications.notify(
        user=portfolio.owner,
        kind=Kind.GENERAL,
        subject=f"{portfolio.name}: the temporary target has ended",
        body="Your own targets are in force again, as they were.",
        link=portfolio.get_absolute_url(),
        key=f"tilt-ended:{portfolio.pk}:{day}",
    )


def _rows(model: type[Row], rows: Iterable[TargetWeight | StrategicWeight]) -> list[Row]:
    """The same targets as rows of the other table."""
    return [
        model(
            portfolio_id=row.portfolio_id, asset_id=row.asset_id, category_id=row.category_id,
            weight=row.weight,
        )
        for row in rows
    ]  # fmt: skip


def _in_force(portfolio: Portfolio) -> list[TargetWeight]:
    return list(portfolio.target_weights.select_related("asset", "category").order_by("pk"))
