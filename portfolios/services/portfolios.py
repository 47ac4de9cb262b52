"""Portfolios: made empty, after a model or after another; changed, put away, deleted."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from portfolios.models import (
    Asset,
    AssetCategory,
    Holding,
    ModelPortfolio,
    Portfolio,
    RiskProfile,
    TargetWeight,
    Transaction,
)
from portfolios.selectors import currencies, model_portfolios
from portfolios.services import (
    revisions,
    roles,
    rules,
    sandboxes,
    target_versions,
    targets,
    tilts,
    transactions,
)
from portfolios.services.errors import MissingPriceError, QuantityError, SlotError
from portfolios.services.quantities import SMALLEST, check_quantity
from portfolios.services.targets import Aim

LONGEST_NAME = 80
KEPT_AFTER_DELETION = timedelta(days=7)


def create(*, owner: User, name: str, profile: RiskProfile | None = None) -> Portfolio:
    """Open an empty portfolio. Raises SandboxFullError."""
    sandboxes.check_room(owner)
    return Portfolio.objects.create(owner=owner, name=name, profile=profile)


def create_from_model(
    *,
    owner: User,
    name: str,
    model_portfolio: ModelPortfolio,
    amount: Decimal,
    closes: Mapping[int, float],
    slots: Mapping[int, Asset] | None = None,
    whole_categories: Collection[AssetCategory] = (),
    at: datetime | None = None,
) -> Portfolio:
    """Open a portfolio that holds `amount` US dollars of a model, bought at `closes` (by asset id).

    Quantities are rounded down to the smallest unit; what is left is dust. `slots` fills the
    model's category slots by line id; a slot not named takes the largest asset that fits. What
    the model gives `whole_categories` becomes one target of each. The ledger says that it was
    bought `at` that moment, or now.
    Raises SlotError, MissingPriceError, QuantityError, TargetsError, SandboxFullError; then nothing
    is made.
    """
    weights = fill_slots(model_portfolio=model_portfolio, slots=slots or {}, closes=closes)
    aims = _by_category(weights, whole_categories)
    targets.check_weights(aims)
    quantities = buy(weights=weights, amount=amount, closes=closes)
    with transaction.atomic():
        portfolio = create(owner=owner, name=name, profile=model_portfolio.profile)
        TargetWeight.objects.bulk_create(targets.rows(portfolio=portfolio, weights=aims))
        purchases = _purchases(quantities, weights, amount, at=at or timezone.now())
        transactions.record(portfolio, purchases, now=timezone.now())
    return portfolio


def _purchases(
    quantities: Mapping[Asset, Decimal],
    weights: Mapping[Asset, Decimal],
    amount: Decimal,
    *,
    at: datetime,
) -> list[Transaction]:
    """The lines of the ledger by which these quantities were bought, and what each has cost."""
    currency = currencies.dollar()
    with localcontext(prec=60, rounding=ROUND_DOWN):
        return [
            Transaction(
                kind=Transaction.Kind.BUY,
                at=at,
                received_asset=asset,
                received_quantity=quantity,
                value_asset=currency,
                value=(amount * weights[asset]).quantize(SMALLEST) if currency else None,
            )
            for asset, quantity in quantities.items()
        ]


def _by_category(
    weights: Mapping[Asset, Decimal], categories: Collection[AssetCategory]
) -> dict[Aim, Decimal]:
    """The same weights, those of these categories added up."""
    aims: dict[Aim, Decimal] = {}
    for asset, weight in weights.items():
        aim = asset.category if asset.category in categories else asset
        aims[aim] = aims.get(aim, Decimal(0)) + weight
    return aims


def fill_slots(
    *, model_portfolio: ModelPortfolio, slots: Mapping[int, Asset], closes: Mapping[int, float]
) -> dict[Asset, Decimal]:
    """Return the model's weights by asset, its category slots filled with the chosen assets."""
    lines = list(model_portfolio.lines.select_related("asset", "category"))
    weights = {line.asset: line.weight for line in lines if line.asset is not None}
    for line in lines:
        if line.asset is not None:
            continue
        fitting = model_portfolios.assets_for_slot(line, taken=weights, priced=closes)
        chosen = slots.get(line.pk) or next(iter(fitting), None)
        if chosen is None:
            raise SlotError(f"No asset with a price is left for “{line}” ({line.category}).")
        if chosen not in fitting:
            raise SlotError(
                f"{chosen} cannot fill “{line}”. Choose another asset of {line.category}."
            )
        weights[chosen] = line.weight
    return weights


def buy(
    *, weights: Mapping[Asset, Decimal], amount: Decimal, closes: Mapping[int, float]
) -> dict[Asset, Decimal]:
    """Return the quantities that `amount` buys, split by weight."""
    if not amount.is_finite() or amount <= 0:
        raise QuantityError("The amount must be above zero.")
    if missing := [asset for asset in weights if asset.pk not in closes]:
        raise MissingPriceError(missing)
    quantities = {}
    with localcontext(prec=60, rounding=ROUND_DOWN):
        for asset, weight in weights.items():
            # The shortest decimal that is this float, not its binary expansion.
            close = Decimal(str(closes[asset.pk]))
            quantity = (amount * weight / close).quantize(SMALLEST)
            if quantity == 0:
                raise QuantityError(f"The amount is too small to buy any {asset.symbol}.")
            quantities[asset] = check_quantity(quantity)
    return quantities


def update_settings(
    *,
    portfolio: Portfolio,
    name: str,
    tolerance_band: Decimal,
    wide_band: Decimal,
    fee_rate: Decimal,
    notes: str,
    expected_revision: int | None,
) -> None:
    """Change what a portfolio is called, how far it may drift, what its trades cost, its notes.

    Idempotent but for the revision. Raises ConflictError when the portfolio is gone, or no
    longer at the revision that the person saw; None means whatever it is.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        locked.name = name
        locked.tolerance_band = tolerance_band
        locked.wide_band = wide_band
        locked.fee_rate = fee_rate
        locked.notes = notes
        locked.save(update_fields=["name", "tolerance_band", "wide_band", "fee_rate", "notes"])


def update_ledger(
    *, portfolio: Portfolio, lot_method: str, follows_cash: bool, expected_revision: int | None
) -> None:
    """Change which lots sales take, and whether cash is held; holdings of cash follow.

    Idempotent but for the revision. Raises ConflictError as `update_settings` does, and
    ShortfallError when cash was spent that never came in.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        locked.lot_method, locked.follows_cash = lot_method, follows_cash
        locked.save(update_fields=["lot_method", "follows_cash"])
        cash = Asset.objects.filter(kind=Asset.Kind.CASH)
        transactions.follow(locked, cash.values_list("pk", flat=True))


def rename(*, portfolio: Portfolio, name: str, expected_revision: int | None) -> None:
    """Change what a portfolio is called.

    Idempotent but for the revision. Raises ConflictError as `update_settings` does.
    """
    with revisions.changing(portfolio, expected=expected_revision) as locked:
        locked.name = name
        locked.save(update_fields=["name"])


@transaction.atomic
def clone(*, portfolio: Portfolio) -> Portfolio:
    """Open a second portfolio with the same settings, rules, notes, ledger, holdings and targets.

    Raises SandboxFullError.
    """
    sandboxes.check_room(portfolio.owner)
    original = Portfolio.objects.select_for_update().get(pk=portfolio.pk)
    copy = Portfolio.objects.create(
        owner=original.owner,
        name=f"Copy of {original.name}"[:LONGEST_NAME],
        profile=original.profile,
        tolerance_band=original.tolerance_band,
        wide_band=original.wide_band,
        fee_rate=original.fee_rate,
        notes=original.notes,
        follows_cash=original.follows_cash,
        lot_method=original.lot_method,
        **{name: getattr(original, name) for name in (*roles.FIELDS, *rules.FIELDS)},
    )
    rules.copy(original=original, portfolio=copy)
    transactions.copy_all(original, to=copy)
    Holding.objects.bulk_create(
        Holding(portfolio=copy, asset_id=holding.asset_id, quantity=holding.quantity)
        for holding in original.holdings.all()
    )
    TargetWeight.objects.bulk_create(
        TargetWeight(
            portfolio=copy,
            asset_id=target.asset_id,
            category_id=target.category_id,
            weight=target.weight,
        )
        for target in original.target_weights.all()
    )
    target_versions.copy_all(original, to=copy)
    tilts.copy(original=original, portfolio=copy)
    return copy


def archive(*, portfolio: Portfolio) -> None:
    """Put a portfolio away: it is kept, but no longer measured, and nobody is written to."""
    with revisions.changing(portfolio) as locked:
        locked.archived_at = Now()
        locked.save(update_fields=["archived_at"])


def restore(*, portfolio: Portfolio) -> None:
    """Take a portfolio out of the archive."""
    with revisions.changing(portfolio) as locked:
        locked.archived_at = None
        locked.save(update_fields=["archived_at"])


def delete(*, portfolio: Portfolio) -> None:
    """Hide a portfolio everywhere; for some days it can be brought back.

    Raises ConflictError when it is deleted already.
    """
    with revisions.changing(portfolio) as locked:
        locked.deleted_at = Now()
        locked.save(update_fields=["deleted_at"])


def undelete(*, portfolio: Portfolio) -> None:
    """Bring a deleted portfolio back, as it was. Raises ConflictError when it is gone for good."""
    with revisions.changing(portfolio, even_deleted=True) as locked:
        locked.deleted_at = None
        locked.save(update_fields=["deleted_at"])


def purge_deleted() -> int:
    """Delete for good what was deleted long enough ago; the number of portfolios. Idempotent."""
    expired = Portfolio.objects.filter(deleted_at__lt=Now() - KEPT_AFTER_DELETION)
    _, deleted = expired.delete()
    return deleted.get(Portfolio._meta.label, 0)
