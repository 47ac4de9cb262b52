"""What every source of daily prices yields: candles, and the rows that could not become one.

Unknown is ``None``, never zero or NaN. Prices are measured data, hence floats (docs: units).
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Candle(NamedTuple):
    """One complete UTC day of one asset.

    Every known number is finite, every known price is positive, and
    low <= open, close <= high wherever they are known. The close always is.

    A named tuple rather than a dataclass because imports make hundreds of thousands a second.
    """

    date: date
    open: float | None
    high: float | None
    low: float | None
    close: float
    volume: float | None
    market_cap: float | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that went to quarantine, with what a person needs to find and judge it."""

    source: str
    line: int
    reason: str
    row: str
