"""From which purchases a sale takes its coins, where lots are chosen by hand."""

from collections.abc import Mapping
from decimal import Decimal, localcontext

from portfolios.models import LotChoice, Transaction
from portfolios.selectors import gains
from portfolios.services import revisions
from portfolios.services.errors import LedgerError
from portfolios.services.quantities import check_quantity


def replace(
    *, sale: Transaction, quantities: Mapping[int, Decimal], expected_revision: int | None
) -> None:
    """Let a sale take so much of each purchase, by its id; the oldest lots give the rest.

    Idempotent but for the revision. Raises LedgerError for more than a lot or the sale has, and
    ConflictError as everywhere; nothing is changed then.
    """
    with revisions.changing(sale.portfolio, expected=expected_revision) as locked:
        available = gains.quantities_before(locked, sale)
        for purchase, quantity in quantities.items():
            check_quantity(quantity)
            if quantity > available.get(purchase, 0):
                raise LedgerError(
                    f"That lot has {available.get(purchase, Decimal(0)).normalize():f} left "
                    "at that moment, not more."
                )
        with localcontext(prec=60):
            chosen = sum(quantities.values(), Decimal(0))
        if sale.sent_quantity is None or chosen > sale.sent_quantity:
            raise LedgerError("More is chosen than was sold. Take some away.")
        LotChoice.objects.filter(sale=sale).delete()
        LotChoice.objects.bulk_create(
            LotChoice(sale=sale, purchase_id=purchase, quantity=quantity)
            for purchase, quantity in quantities.items()
        )
