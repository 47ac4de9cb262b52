"""Portfolios: made empty or after a model, renamed, deleted."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal, localcontext

from django.db import transaction

from accounts.models import User
from portfolios.models import (
    Asset,
    Holding,
    ModelPortfolio,
    Portfolio,
    RiskProfile,
    TargetWeight,
)
from portfolios.selectors import model_portfolios
from portfolios.services import holdings, revisions, targets
from portfolios.services.errors import MissingPriceError, QuantityError, SlotError


def create(*, owner: User, name: str, profile: RiskProfile | None = None) -> Portfolio:
    """Open an empty portfolio."""
    return Portfolio.objects.create(owner=owner, name=name, profile=profile)


def create_from_model(
    *,
    owner: User,
    name: str,
    model_portfolio: ModelPortfolio,
    amount: Decimal,
    closes: Mapping[int, float],
    slots: Mapping[int, Asset] | None = None,
) -> Portfolio:
    """Open a portfolio that holds `amount` US dollars of a model, bought at `closes` (by asset id).

    Quantities are rounded down to the smallest unit; what is left is dust. `slots` fills the
    model's category slots by line id; a slot not named takes the largest asset that fits.
    Raises SlotError, MissingPriceError, QuantityError, TargetsError; then nothing is made.
    """
    weights = fill_slots(model_portfolio=model_portfolio, slots=slots or {}, closes=closes)
    targets.check_weights(weights)
    quantities = buy(weights=weights, amount=amount, closes=closes)
    with transaction.atomic():
        portfolio = create(owner=owner, name=name, profile=model_portfolio.profile)
        TargetWeight.objects.bulk_create(
            TargetWeight(portfolio=portfolio, asset=asset, weight=weight)
            for asset, weight in weights.items()
        )
        Holding.objects.bulk_create(
            Holding(portfolio=portfolio, asset=asset, quantity=quantity)
            for asset, quantity in quantities.items()
        )
    return portfolio


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
            quantity = (amount * weight / close).quantize(holdings.SMALLEST)
            if quantity == 0:
                raise QuantityError(f"The amount is too small to buy any {asset.symbol}.")
            quantities[asset] = holdings.check_quantity(quantity)
    return quantities


def update_settings(
    *,
    portfolio: Portfolio,
    name: str,
    tolerance_band: Decimal,
    wide_band: Decimal,
    fee_rate: Decimal,
) -> None:
    """Change what a portfolio is called, how far it may drift and what its trades cost.

    Idempotent but for the revision. Raises ConflictError when the portfolio is gone.
    """
    with revisions.changing(portfolio) as locked:
        locked.name = name
        locked.tolerance_band = tolerance_band
        locked.wide_band = wide_band
        locked.fee_rate = fee_rate
        locked.save(update_fields=["name", "tolerance_band", "wide_band", "fee_rate"])


def rename(*, portfolio: Portfolio, name: str) -> None:
    """Change what a portfolio is called. Idempotent but for the revision."""
    with revisions.changing(portfolio) as locked:
        locked.name = name
        locked.save(update_fields=["name"])


def delete(*, portfolio: Portfolio) -> None:
    """Delete a portfolio and all that is known about it. Idempotent."""
    Portfolio.objects.filter(pk=portfolio.pk).delete()
