"""How much of the risk each category is to carry, as typed into fields or an address."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

PREFIX = "budget-"
LARGEST = Decimal(1000)
MOST = 60  # fields


class BudgetError(Exception):
    """A budget that nothing could follow; the message says which, and how to mend it."""


def typed(submitted: Mapping[str, str]) -> dict[str, str]:
    """The fields that say something, by the key of what they are of."""
    told = {name: text.strip() for name, text in submitted.items() if name.startswith(PREFIX)}
    return {name.removeprefix(PREFIX): text for name, text in list(told.items())[:MOST] if text}


def read(fields: Mapping[str, str]) -> dict[str, Decimal]:
    """The budgets as fractions. Raises BudgetError."""
    budgets = {}
    for key, text in fields.items():
        try:
            percentage = Decimal(text)
        except InvalidOperation:
            percentage = Decimal("NaN")
        if not percentage.is_finite() or not 0 < percentage <= LARGEST:
            raise BudgetError(
                f"“{text[:20]}” is no risk budget. Enter a percentage above 0, such as 25; what "
                "is to carry no risk is taken off the bench."
            )
        budgets[key] = percentage / 100
    return budgets
