"""Correlations as the rows of a table: numbers, steps of colour, and where each pair leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse
from numpy.typing import NDArray

from analytics.core.correlation import fisher_interval
from analytics.selectors.correlations import Correlations, View
from portfolios.models import Asset
from portfolios.templatetags.figures import ratio

HEAT_STEPS, COLD_STEPS = 10, 5


@dataclass(frozen=True)
class Cell:
    """One pair: its correlation, or how many days it has of those it needs."""

    text: str
    css: str
    title: str
    address: str = ""


@dataclass(frozen=True)
class HeatRow:
    asset: Asset
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Pair:
    first: Asset
    second: Asset
    correlation: float
    low: float
    high: float
    address: str


def rows(found: Correlations, view: View) -> list[HeatRow]:
    """A row an asset, a cell a pair, in the order of the assets."""
    pair_address = _addresses(found.assets, view)
    interval = fisher_interval(found.pairwise.correlation, found.pairwise.effective_days)
    told = found.told
    table = []
    for row, asset in enumerate(found.assets):
        cells = []
        for column, other in enumerate(found.assets):
            if row == column:
                cells.append(Cell(ratio(1), "itself", ""))
                continue
            names = f"{asset.symbol} and {other.symbol}"
            address = pair_address(row, column)
            if told[row, column]:
                value = float(found.pairwise.correlation[row, column])
                low, high = interval.low[row, column], interval.high[row, column]
                title = f"{names}: {ratio(value)}, between {ratio(low)} and {ratio(high)}"
                cells.append(Cell(ratio(value), heat(value), title, address))
            else:
                text, words = _why_not(found, row, column)
                cells.append(Cell(text, "not-told", f"{names}: {words}", address))
        table.append(HeatRow(asset, cells))
    return table


def heat(value: float) -> str:
    """The CSS class of a correlation: ten steps up from zero, five down."""
    if value >= 0:
        return f"heat-{min(int(value * HEAT_STEPS), HEAT_STEPS - 1)}"
    return f"cold-{min(int(-value * COLD_STEPS), COLD_STEPS - 1)}"


def pairs(found: Correlations, view: View) -> list[Pair]:
    """Every pair that is told, the most alike first."""
    pair_address = _addresses(found.assets, view)
    interval = fisher_interval(found.pairwise.correlation, found.pairwise.effective_days)
    above = np.triu(found.told, 1)
    return sorted(
        (
            Pair(
                first=found.assets[row],
                second=found.assets[column],
                correlation=float(found.pairwise.correlation[row, column]),
                low=float(interval.low[row, column]),
                high=float(interval.high[row, column]),
                address=pair_address(row, column),
            )
            for row, column in np.argwhere(above).tolist()
        ),
        key=lambda pair: -pair.correlation,
    )


def average(correlations: NDArray[np.float64]) -> float | None:
    """The mean of the pairs that are told."""
    above = correlations[np.triu_indices(len(correlations), 1)]
    told = above[np.isfinite(above)]
    return float(told.mean()) if len(told) else None


def _why_not(found: Correlations, row: int, column: int) -> tuple[str, str]:
    days, needed = found.missing(row, column)
    if days >= needed:
        return "still", "one of the two never moved"
    return f"{days}/{needed}", f"not enough days ({days} of {needed})"


def _addresses(assets: Sequence[Asset], view: View) -> "Addresses":
    return Addresses([asset.coingecko_id or "" for asset in assets], view)


class Addresses:
    """The address of each pair: reversed once, since a heatmap has hundreds."""

    def __init__(self, ids: Sequence[str], view: View) -> None:
        self.ids = ids
        self.template = reverse("analytics:correlation-pair", args=["FIRST", "SECOND"])
        self.asked = urlencode({"window": view.window})

    def __call__(self, row: int, column: int) -> str:
        path = self.template.replace("FIRST", self.ids[row]).replace("SECOND", self.ids[column])
        return f"{path}?{self.asked}"
