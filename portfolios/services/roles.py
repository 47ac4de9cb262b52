"""What counts in a portfolio's weights, and as what: money, an emergency reserve, wrapped forms.

Each is chosen once for the portfolio, and every page, night and letter follows. What is outside the
weights has no target, so that nothing is ever counted as both.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from portfolios.models import Asset, Portfolio, PositionRule, StrategicWeight, TargetWeight
from portfolios.models.portfolios import MoneyRole
from portfolios.services import revisions
from portfolios.services.errors import RolesError

FIELDS = ("money_role", "reserve_amount", "groups_forms")
"""Of a portfolio."""
SET_ASIDE = PositionRule.Trading.SET_ASIDE


def choose(
    *,
    portfolio: Portfolio,
    money_role: str,
    reserve_amount: Decimal | None,
    groups_forms: bool,
    set_aside: Collection[Asset] | None,
    expected_revision: int | None,
) -> None:
    """Say what counts; `set_aside` are the holdings of the reserve, None: as they are.

    Idempotent but for the revision. Raises RolesError where a target would be of what is not
    counted, and ConflictError when the portfolio is no longer at the revision that the person saw.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        locked.money_role, locked.reserve_amount = money_role, reserve_amount
        locked.groups_forms = groups_forms
        locked.save(update_fields=[*FIELDS])
        if set_aside is not None:
            _set_aside(locked, {asset.pk for asset in set_aside})
        check(locked)


def check(portfolio: Portfolio) -> None:
    """Raise RolesError where a portfolio has a target of something that it does not count."""
    rules = PositionRule.objects.filter(portfolio=portfolio, trading=SET_ASIDE)
    outside = set(rules.values_list("asset_id", flat=True))
    has_powder = portfolio.money_role == MoneyRole.DRY_POWDER
    if not (outside or has_powder or portfolio.groups_forms):
        return
    for model in (TargetWeight, StrategicWeight):
        rows = model._default_manager.filter(portfolio=portfolio)
        for row in rows.select_related("asset__category", "category"):
            _check_one(row, outside, has_powder=has_powder)
            if portfolio.groups_forms and row.asset and row.asset.form_of_id:
                raise RolesError(
                    f"{row.asset.symbol} is counted as the coin that it stands for, and cannot "
                    "have a target of its own. Give its target to the coin."
                )


def _check_one(
    row: TargetWeight | StrategicWeight, outside: Collection[int], *, has_powder: bool
) -> None:
    name = row.asset.symbol if row.asset else str(row.category)
    share = f"{row.weight * 100:.2f} %"
    if has_powder and row.aim.is_money:
        raise RolesError(
            f"{name} has a target of {share}, and stablecoins and cash are dry powder outside the "
            "weights: they cannot be both. Take the target away, or make them a position under "
            "Settings, What counts."
        )
    if row.asset_id in outside:
        raise RolesError(
            f"{name} has a target of {share}, and what is held of it is set aside as a reserve, "
            "which is not counted. Take the target away, or count it again under Settings, "
            "What counts."
        )


def _set_aside(locked: Portfolio, chosen: Collection[int]) -> None:
    """Make these, and no others, the holdings that are set aside; their bands stay."""
    rules = PositionRule.objects.filter(portfolio=locked, asset__isnull=False)
    rules.filter(trading=SET_ASIDE).exclude(asset__in=chosen).update(
        trading=PositionRule.Trading.FREE
    )
    empty: dict[str, Any] = {"band": None, "relative_band": None}
    rules.filter(trading=PositionRule.Trading.FREE, **empty).delete()
    rules.filter(asset__in=chosen).update(trading=SET_ASIDE)
    known = set(rules.values_list("asset_id", flat=True))
    PositionRule.objects.bulk_create(
        PositionRule(portfolio=locked, asset_id=pk, trading=SET_ASIDE)
        for pk in chosen
        if pk not in known
    )
