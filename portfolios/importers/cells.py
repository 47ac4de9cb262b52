"""What one cell of a file means: a number, a moment, a ticker."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Context, Decimal, InvalidOperation

from portfolios.importers.entries import RowRefused

DECIMALS = 18  # one wei; what a balance can hold
SMALLEST = Decimal(10) ** -DECIMALS
TOO_LARGE = Decimal(10) ** 20
EXACT = Context(prec=80)
LONGEST_NUMBER = 80
EXCERPT = 40
EMPTY = {"", "-", "—", "N/A", "n/a"}
FIRST_DAY = date(2009, 1, 3)  # of the first block of all

# Signs that stand before or after an amount of money.
CURRENCY_SIGNS = str.maketrans("", "", "$€£¥₿₽₩₹ƒ")
SPACES = str.maketrans({" ": "", "\N{NO-BREAK SPACE}": "", "\N{NARROW NO-BREAK SPACE}": ""})
SIGNS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{RIGHT SINGLE QUOTATION MARK}": "'"})
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+", re.ASCII)
APOSTROPHES = re.compile(r"[+-]?\d{1,3}('\d{3})+(\.\d+)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d{1,4})?", re.ASCII)

CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:\s*([AaPp][Mm]))?"
ZONE = r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})"
YEAR_FIRST = re.compile(
    rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}})(?:[ T]{CLOCK}(?:{ZONE})?)?", re.ASCII
)
YEAR_LAST = re.compile(
    rf"(\d{{1,2}})([-/.])(\d{{1,2}})[-/.](\d{{4}})(?:,?[ T]{CLOCK}(?:{ZONE})?)?", re.ASCII
)
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
EPOCH = re.compile(r"(\d{10})(\d{3})?", re.ASCII)
TWO_DIGIT_YEAR = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(\D.*)?", re.ASCII)
SYMBOL = re.compile(r"[A-Za-z0-9$@.:/_+*!-]{1,80}", re.ASCII)


def excerpt(text: str) -> str:
    """What a cell says, short enough for a sentence."""
    shown = "".join(character if character.isprintable() else "�" for character in text)
    return shown if len(shown) <= EXCERPT else shown[: EXCERPT - 1] + "…"


def number(text: str, *, decimal_comma: bool = False) -> Decimal:
    """The number that a cell writes, to the smallest unit that a balance can have.

    Currency signs, spaces and thousands separators are no part of it. With `decimal_comma` 1,234
    is a little more than one.
    """
    digits = text.translate(CURRENCY_SIGNS).translate(SPACES).translate(SIGNS)
    if len(digits) > LONGEST_NUMBER:
        raise RowRefused(f"“{excerpt(text)}” is too long for a number.")
    try:
        return _bounded(EXACT.create_decimal(_with_point(digits, decimal_comma)), text)
    except InvalidOperation:
        raise RowRefused(f"“{excerpt(text)}” is not a number.") from None


def _with_point(digits: str, decimal_comma: bool) -> str:
    """The same digits with a point for decimals and nothing between thousands."""
    if decimal_comma and (DECIMAL_COMMA.fullmatch(digits) or POINTS.fullmatch(digits)):
        return digits.replace(".", "").replace(",", ".")
    if THOUSANDS.fullmatch(digits):
        return digits.replace(",", "")
    if DECIMAL_COMMA.fullmatch(digits):
        return digits.replace(".", "").replace(",", ".")
    if APOSTROPHES.fullmatch(digits):
        return digits.replace("'", "")
    return digits if PLAIN.fullmatch(digits) else "?"


def bounded(value: Decimal) -> Decimal:
    """A number that was computed, to the smallest unit; refused where no balance can have it."""
    return _bounded(value, f"{value:.6g}")


def _bounded(value: Decimal, text: str) -> Decimal:
    if value and (value.adjusted() >= TOO_LARGE.adjusted() or value.adjusted() < -2 * DECIMALS):
        size = "large" if value.adjusted() > 0 else "small"
        raise RowRefused(f"“{excerpt(text)}” is too {size} for a balance.")
    rounded = value.quantize(SMALLEST, context=EXACT)
    if value and not rounded:
        raise RowRefused(f"“{excerpt(text)}” is less than the smallest unit, 10⁻¹⁸.")
    plain = rounded.normalize(EXACT)
    return plain.to_integral() if plain == plain.to_integral() else plain


def symbol(text: str) -> str:
    """A ticker or another id of an asset, as the file writes it, tickers in capitals."""
    if not SYMBOL.fullmatch(text):
        raise RowRefused(f"“{excerpt(text)}” is not a ticker.")
    return text if ":" in text else text.upper()


def moment(text: str, *, zone: tzinfo, day_first: bool, latest: datetime) -> datetime:
    """The moment that a cell writes, in UTC.

    A day alone is its noon in UTC, so that it is that day wherever one lives. Without a zone of
    its own a time is local, in `zone`.
    """
    found = _moment(text, zone=zone, day_first=day_first)
    if found.date() < FIRST_DAY:
        raise RowRefused(f"“{excerpt(text)}” is before the first Bitcoin.")
    if found > latest:
        raise RowRefused(f"“{excerpt(text)}” lies in the future.")
    return found


def _moment(text: str, *, zone: tzinfo, day_first: bool) -> datetime:
    try:
        if match := YEAR_FIRST.fullmatch(text):
            year, month, day, *clock = match.groups()
        elif match := YEAR_LAST.fullmatch(text):
            first, mark, second, year, *clock = match.groups()
            # Nobody writes a month before a day with points between them.
            day, month = (first, second) if day_first or mark == "." else (second, first)
        elif match := COMPACT.fullmatch(text):
            year, month, day = match.groups()
            clock = []
        elif match := EPOCH.fullmatch(text):
            milliseconds = int(match[2] or 0)
            return datetime.fromtimestamp(int(match[1]), UTC) + timedelta(milliseconds=milliseconds)
        else:
            raise RowRefused(_no_date(text))
        return _at(date(int(year), int(month), int(day)), clock, zone)
    except (ValueError, OverflowError) as error:
        if isinstance(error, RowRefused):
            raise
        raise RowRefused(f"“{excerpt(text)}” is not a day of the calendar.") from None


def _no_date(text: str) -> str:
    if TWO_DIGIT_YEAR.fullmatch(text):
        return f"“{excerpt(text)}” has a year of two digits. Write all four."
    return f"“{excerpt(text)}” is not a date such as 2021-04-14 or 2021-04-14 09:00:00."


def _at(day: date, clock: list[str | None], zone: tzinfo) -> datetime:
    hour, minute, second, fraction, half, own_zone = clock or [None] * 6
    if hour is None:
        return datetime.combine(day, time(12), UTC)
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hour)
        hours = hours % 12 + (12 if half.upper() == "PM" else 0)
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    wall = time(hours, int(minute or 0), int(second or 0), microsecond)
    return datetime.combine(day, wall, _zone(own_zone) if own_zone else zone).astimezone(UTC)


def _zone(text: str) -> tzinfo:
    if text[0] not in "+-":
        return UTC
    parsed = datetime.strptime(text.replace(":", ""), "%z").tzinfo
    assert parsed is not None
    return parsed


def is_local(text: str) -> bool:
    """Whether a cell has a time of day and no zone."""
    match = YEAR_FIRST.fullmatch(text) or YEAR_LAST.fullmatch(text)
    return bool(match and match.groups()[-6] and not match.groups()[-1])


def day_order(texts: Iterable[str]) -> bool | None:
    """Whether days come before months, as far as the dates of one file tell; None: they do not."""
    firsts, seconds, differ = 0, 0, False
    for text in texts:
        match = YEAR_LAST.fullmatch(text)
        if match and match[2] != ".":
            first, second = int(match[1]), int(match[3])
            firsts, seconds = max(firsts, first), max(seconds, second)
            differ = differ or first != second
    if firsts > 12 or seconds > 12:
        return firsts > 12
    return None if differ else True


def is_doubtful_day(text: str) -> bool:
    """Whether a date is another day with its day and its month exchanged."""
    match = YEAR_LAST.fullmatch(text)
    return bool(match and match[2] != "." and match[1] != match[3])


def writes_decimal_commas(texts: Iterable[str]) -> bool | None:
    """Whether commas mark decimals; None when all there is could be either, such as 1,234."""
    doubtful = False
    for text in texts:
        digits = text.translate(CURRENCY_SIGNS).translate(SPACES).translate(SIGNS)
        if THOUSANDS.fullmatch(digits):
            if "." in digits or digits.count(",") > 1:
                return False
            doubtful = True
        elif DECIMAL_COMMA.fullmatch(digits):
            return True
        elif PLAIN.fullmatch(digits) and "." in digits and not POINTS.fullmatch(digits):
            return False
    return None if doubtful else False
