"""How numbers look on a screen and in an e-mail. Units stand in the head of a table, not here.

What is not a number (None, NaN, infinite, text) is a dash. Minus is −, and a figure that rounds to
zero has no sign.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder

register = template.Library()

DASH = "—"
MINUS = "−"
# Above this, digits are noise that breaks every layout.
HUGE = Decimal(10) ** 15
TINY_PRICE = Decimal(10) ** -15
SIGNIFICANT_DIGITS = 4


def _number(value: Any) -> Decimal | None:
    """The decimal that a person would write for the value; None when it is not a number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _fixed(number: Decimal, decimals: int) -> str:
    if abs(number) >= HUGE:
        return f"{number:.2e}".replace("+", "").replace("-", MINUS)
    text = f"{number:,.{decimals}f}"
    if not text.strip("-0.,"):
        return text.lstrip("-")
    return text.replace("-", MINUS)


@register.filter
def as_json(value: Any) -> str:
    """What a chart draws, for its data-rows attribute: htmx removes scripts from what it swaps."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def money(value: Any) -> str:
    """US dollars with cents: 1,234.50. What is above zero never looks like nothing."""
    number = _number(value)
    if number is None:
        return DASH
    if number and abs(number) < Decimal("0.005"):
        return "<0.01" if number > 0 else f">{MINUS}0.01"
    return _fixed(number, 2)


@register.filter
def price(value: Any) -> str:
    """Like money, but below one dollar four significant digits: 0.00001234."""
    number = _number(value)
    if number is None:
        return DASH
    if number == 0 or abs(number) >= 1:
        return _fixed(number, 2)
    if abs(number) < TINY_PRICE:
        return f"{number:.{SIGNIFICANT_DIGITS - 1}e}".replace("-", MINUS)
    return _fixed(number, SIGNIFICANT_DIGITS - 1 - number.adjusted())


@register.filter
def percent(value: Any) -> str:
    """A fraction in percent, with one decimal: 0.0525 is 5.2, half to even."""
    number = _number(value)
    return DASH if number is None else _fixed(number * 100, 1)


@register.filter
def exact_percent(value: Any) -> str:
    """A fraction in percent with every decimal it has, and no more: 0.125 is 12.5."""
    number = _number(value)
    if number is None:
        return DASH
    text = f"{number * 100:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


@register.filter
def signed_percent(value: Any) -> str:
    """A difference of fractions in percentage points, always with its sign: +6.2, −3.1, 0.0."""
    text = percent(value)
    return text if text in (DASH, "0.0") or text.startswith(MINUS) else f"+{text}"


@register.filter
def side(value: Any) -> str:
    """A drift in a word, as it is shown: over, under or on target."""
    text = signed_percent(value)
    if text == DASH:
        return ""
    return {"+": "over", MINUS: "under"}.get(text[0], "on target")


@register.filter
def movement(value: Any) -> str:
    """A change of value in a word, as it is shown: up, down or unchanged."""
    text = signed_percent(value)
    if text == DASH:
        return ""
    return {"+": "up", MINUS: "down"}.get(text[0], "unchanged")


@register.filter
def quantity(value: Any) -> str:
    """Units of an asset: every decimal of a balance, six significant digits of a measured float."""
    number = _number(value)
    if number is None:
        return DASH
    if isinstance(value, float):
        if abs(value) >= HUGE:
            return _fixed(number, 0)
        number = Decimal(f"{value:.6g}")
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", MINUS)


@register.filter
def ratio(value: Any) -> str:
    """A number without a unit, such as a correlation, with two decimals: 0.92."""
    number = _number(value)
    return DASH if number is None else _fixed(number, 2)
