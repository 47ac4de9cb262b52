"""Two versions of targets side by side: their weights and their figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from analytics.models import NightlyRun
from analytics.selectors import benches
from analytics.services import weight_figures, workbench
from analytics.services.workbench import FigureRow
from portfolios.models import Portfolio, TargetVersion
from portfolios.selectors import target_versions
from portfolios.services.targets import Aim

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Line:
    aim: Aim
    one: Decimal
    other: Decimal

    @property
    def change(self) -> Decimal:
        """From the first to the second, in fractions."""
        return self.other - self.one


@dataclass(frozen=True)
class Comparison:
    lines: Sequence[Line]
    rows: Sequence[FigureRow]  # of the first as tried, of the second beside it
    missing: Sequence[str]  # what one of them names and is gone since


def compare(
    portfolio: Portfolio, one: TargetVersion, other: TargetVersion, *, run: NightlyRun
) -> Comparison:
    """Measured on the same night, with today's holdings inside whole categories."""
    first, second = (target_versions.aims(each, portfolio=portfolio) for each in (one, other))
    aims = list(dict.fromkeys([*first.weights, *second.weights]))
    bench = benches.read(portfolio, aims, run=run)
    vectors = [workbench.as_vector(bench, each.weights) for each in (first, second)]
    rows: Sequence[FigureRow] = ()
    if vectors[0] is not None and vectors[1] is not None:
        several = [each @ bench.mix for each in vectors if each is not None]
        figures = weight_figures.measure(bench, several)
        rows = workbench.figure_rows(portfolio, aims, *figures)
    lines = [
        Line(aim, first.weights.get(aim, NOTHING), second.weights.get(aim, NOTHING)) for aim in aims
    ]
    return Comparison(
        lines=sorted(lines, key=lambda line: -max(line.one, line.other)),
        rows=rows,
        missing=list(dict.fromkeys([*first.missing, *second.missing])),
    )
