"""What a quantity can be: above zero, and exact to the smallest unit."""

from decimal import Context, Decimal

from portfolios.services.errors import QuantityError

DECIMALS = 18  # one wei; what numeric(38,18) holds
SMALLEST = Decimal(10) ** -DECIMALS
TOO_LARGE = Decimal(10) ** 20


def check_quantity(quantity: Decimal) -> Decimal:
    """Return the quantity if a balance can have it exactly; raise QuantityError else."""
    if not quantity.is_finite():
        raise QuantityError("The quantity must be a number.")
    if quantity <= 0:
        raise QuantityError("The quantity must be above zero. To hold none, remove the holding.")
    if quantity >= TOO_LARGE:
        raise QuantityError("The quantity must be below 100,000,000,000,000,000,000.")
    if quantity != quantity.quantize(SMALLEST, context=Context(prec=60)):
        raise QuantityError(f"The quantity has more than {DECIMALS} decimals.")
    return quantity
