"""How numbers look on a screen and in an e-mail. Units stand in the head of a table, not here.

What is not a number (None, NaN, infinite, text) is a dash. Minus is −, and a figure that rounds to
zero has no sign. Thousands and decimals are marked in the reader's style (`written_in`). Whatever
the style, what people type has a point and no thousands, and so has what stands in a form already.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.safestring import SafeString

from accounts.models import NumberStyle

register = template.Library()

DASH = "—"
MINUS = "−"
# Above this, digits are noise that breaks every layout.
HUGE = Decimal(10) ** 15
TINY_PRICE = Decimal(10) ** -15
SIGNIFICANT_DIGITS = 4
LISTED = Decimal("0.00001")
# What exchanges show of a balance. Of the dearest coin the ninth is less than a cent.
MOST_DECIMALS = 8
# A style is two of these, as it is called: thousands_decimals.
MARKS = {"comma": ",", "point": ".", "space": "\N{NO-BREAK SPACE}"}
MOVEMENTS = {"+": "up", MINUS: "down"}
COLOURS = {"up": "gain", "down": "loss"}
_style: ContextVar[str] = ContextVar("number_style", default=NumberStyle.COMMA_POINT)


@contextmanager
def written_in(style: str) -> Iterator[None]:
    """Write all figures in a reader's style for a while."""
    before = _style.set(style)
    try:
        yield
    finally:
        _style.reset(before)


def _in_style(text: str) -> str:
    """The same figure, which has commas and a point, with the reader's marks."""
    thousands, decimals = (MARKS[name] for name in _style.get().split("_"))
    return text.translate({ord(","): thousands, ord("."): decimals})


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
        text = f"{number:.2e}".replace("+", "")
    else:
        text = f"{number:,.{decimals}f}"
        if not text.strip("-0.,"):
            text = text.lstrip("-")
    return _in_style(text.replace("-", MINUS))


def _trimmed(text: str) -> str:
    """Without zeros that say nothing."""
    return text.rstrip("0").rstrip(".") if "." in text else text


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
        return _in_style("<0.01" if number > 0 else f">{MINUS}0.01")
    return _fixed(number, 2)


@register.filter
def signed_money(value: Any) -> str:
    """A gain or a loss in US dollars, always with its sign: +12.50, −3.10, 0.00."""
    text = money(value)
    number = _number(value)
    return f"+{text}" if number is not None and number > 0 and text != DASH else text


@register.filter
def gain_or_loss(value: Any) -> str:
    """The same in a word."""
    number = _number(value)
    if number is None:
        return ""
    return "neither gain nor loss" if number == 0 else ("a gain" if number > 0 else "a loss")


@register.filter
def gain_class(value: Any) -> str:
    number = _number(value)
    return "" if not number else ("gain" if number > 0 else "loss")


@register.filter
def price(value: Any) -> str:
    """Like money, but below one dollar four significant digits: 0.00001234."""
    number = _number(value)
    if number is None:
        return DASH
    if number == 0 or abs(number) >= 1:
        return _fixed(number, 2)
    if abs(number) < TINY_PRICE:
        return _in_style(f"{number:.{SIGNIFICANT_DIGITS - 1}e}".replace("-", MINUS))
    return _fixed(number, SIGNIFICANT_DIGITS - 1 - number.adjusted())


@register.filter
def points(value: Any) -> str:
    """Basis points, or another large count, with one decimal below ten and none above."""
    number = _number(value)
    return DASH if number is None else _fixed(number, 1 if abs(number) < 10 else 0)


@register.filter
def days(value: Any) -> str:
    """A number of days in words: less than a day, 3 days, more than ten years."""
    number = _number(value)
    if number is None:
        return DASH
    if number < 1:
        return "less than a day"
    if number > 3650:
        return "more than ten years"
    whole = int(number.to_integral_value(ROUND_CEILING))
    return "1 day" if whole == 1 else f"{_fixed(Decimal(whole), 0)} days"


@register.filter
def price_of(value: Any, units: Any) -> str:
    """A price with the decimals that price × units needs to be right to the cent."""
    number = _number(value)
    if number is None or not TINY_PRICE <= abs(number) < HUGE:
        return price(value)
    usual = 2 if abs(number) >= 1 else SIGNIFICANT_DIGITS - 1 - number.adjusted()
    return _exactly(number, least=usual, most=max(usual, _decimals_beside(units)))


@register.filter
def units_at(value: Any, price: Any) -> str:
    """Units with the decimals that price × units needs to be right to the cent."""
    number = _number(value)
    if number is None:
        return DASH
    decimals = _decimals_beside(price)
    if number and abs(number) < Decimal(5).scaleb(-decimals - 1):
        return quantity(value)
    return _exactly(number, least=0, most=decimals)


def _exactly(number: Decimal, *, least: int, most: int) -> str:
    """A number rounded to the most decimals, without zeros that say nothing beyond the least."""
    if abs(number) >= HUGE:
        return _fixed(number, 0)
    return _fixed(number, max(least, min(most, _decimals(round(number, most)))))


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _decimals_beside(factor: Any) -> int:
    """How many decimals the other factor of a product in dollars and cents needs."""
    number = _number(factor)
    if not number:
        return 2
    return min(MOST_DECIMALS, max(0, number.adjusted() + 3))


def shared_decimals(balances: Iterable[Decimal]) -> int:
    """The decimals of a column of balances: as many as one of them has, within reason."""
    return min(MOST_DECIMALS, max(map(_decimals, balances), default=0))


@register.filter
def aligned(balance: Any, decimals: int) -> str:
    """A balance with its column's decimals: the points stand below each other."""
    number = _number(balance)
    if number is None:
        return DASH
    if number and abs(number) < Decimal(5).scaleb(-decimals - 1):
        return _in_style(f"<{Decimal(1).scaleb(-decimals):f}")
    return _in_style(f"{number:,.{decimals}f}")


@register.filter
def in_unit(value: Any, unit: Any) -> str:
    """US dollars in another unit, with its symbol: 0.3721 BTC. Nothing when either is unknown."""
    number = _number(value)
    if number is None or unit is None:
        return ""
    return f"{price(number / Decimal(str(unit.close)))} {unit.symbol}"


@register.filter
def percent(value: Any) -> str:
    """A fraction in percent, with one decimal: 0.0525 is 5.2, half to even."""
    number = _number(value)
    return DASH if number is None else _fixed(number * 100, 1)


@register.filter
def short_percent(value: Any) -> str:
    """The same without a decimal that says nothing, for a line of text: 12.8, 20."""
    number = _number(value)
    if number is None:
        return DASH
    rounded = round(number * 100, 1)
    return _fixed(rounded, 0 if rounded == rounded.to_integral_value() else 1)


@register.filter
def exact_percent(value: Any) -> str:
    """A fraction in percent with every decimal it has, and no more: 0.125 is 12.5."""
    number = _number(value)
    return DASH if number is None else _in_style(typed_percent(number).replace("-", MINUS))


def typed_percent(fraction: Decimal) -> str:
    """The same as one types it: with a point, whatever the style."""
    return _trimmed(f"{fraction * 100:f}")


@register.filter
def signed_percent(value: Any) -> str:
    """A difference of fractions in percentage points, always with its sign: +6.2, −3.1, 0.0."""
    text = percent(value)
    is_positive = text[0].isdigit() and text.strip("0.,")
    return f"+{text}" if is_positive else text


@register.filter
def side(value: Any) -> str:
    """A drift in a word, as it is shown: over, under or on target."""
    text = signed_percent(value)
    if text == DASH:
        return ""
    return {"+": "over", MINUS: "under"}.get(text[0], "on target")


@register.filter
def change(value: Any) -> str:
    """A change of value with its sign and its word, in their colour."""
    text = signed_percent(value)
    word = "" if text == DASH else MOVEMENTS.get(text[0], "unchanged")
    return SafeString(f'<span class="{COLOURS.get(word, "")}">{text} {word}</span>')


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
    text = _trimmed(f"{number:,f}")
    return "0" if text in ("-0", "") else _in_style(text.replace("-", MINUS))


@register.filter
def units(value: Any) -> str:
    """A balance for a list: eight decimals at most, or as many as four digits need."""
    number = _number(value)
    if number is None:
        return DASH
    decimals = 8 if abs(number) >= LISTED else SIGNIFICANT_DIGITS - 1 - number.adjusted()
    return quantity(round(number, decimals)) if number else "0"


def typed_quantity(balance: Decimal) -> str:
    """A balance as one types it: with a point and no thousands, whatever the style."""
    return _trimmed(f"{balance:f}")


@register.filter
def ratio(value: Any) -> str:
    """A number without a unit, such as a correlation, with two decimals: 0.92."""
    number = _number(value)
    return DASH if number is None else _fixed(number, 2)


@register.filter
def score(value: Any) -> str:
    """A risk score with one decimal: 1.8."""
    number = _number(value)
    return DASH if number is None else _fixed(number, 1)
