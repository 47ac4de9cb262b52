"""Benefit and cost of trades, as sentences on a page or in a letter need them."""

from dataclasses import dataclass
from math import inf, nan

from analytics.core import DAYS_PER_YEAR
from analytics.models import PortfolioResult, Suggestion

# A change below this looks like none, in percent with one decimal.
SHOWN = 0.0005


@dataclass(frozen=True)
class Verdict:
    """Whether trades are worth their cost. Fractions of the portfolio, and US dollars."""

    answer: Suggestion.Answer
    cost: float
    benefit_per_year: float
    volatility: float  # before
    volatility_change: float
    cvar_change: float
    break_even_days: float
    horizon_days: int
    risk_aversion: float
    value: float

    @property
    def acts(self) -> bool:
        return self.answer == Suggestion.Answer.ACT

    @property
    def is_due(self) -> bool:
        """Whether the portfolio's calendar, if it keeps one, does not wait for another day."""
        return self.answer != Suggestion.Answer.NOT_DUE

    @property
    def is_measured(self) -> bool:
        return self.answer != Suggestion.Answer.UNMEASURED

    @property
    def raises_risk(self) -> bool:
        """By as much as a figure with one decimal shows."""
        return max(self.volatility_change, self.cvar_change) >= SHOWN

    @property
    def lowers_risk(self) -> bool:
        return not self.raises_risk and min(self.volatility_change, self.cvar_change) <= -SHOWN

    @property
    def volatility_after(self) -> float:
        return self.volatility + self.volatility_change

    @property
    def basis_points(self) -> float:
        """The benefit of a year."""
        return self.benefit_per_year * 1e4

    @property
    def benefit(self) -> float:
        """US dollars, over the horizon."""
        return self.benefit_per_year * self.horizon_days / DAYS_PER_YEAR * self.value

    @property
    def never_pays(self) -> bool:
        return self.break_even_days == inf


def of_suggestion(suggestion: Suggestion, result: PortfolioResult) -> Verdict:
    return Verdict(
        answer=Suggestion.Answer(suggestion.answer),
        cost=suggestion.cost,
        benefit_per_year=_known(suggestion.benefit_per_year),
        volatility=result.volatility,
        volatility_change=_known(suggestion.volatility_change),
        cvar_change=_known(suggestion.cvar_change),
        break_even_days=_known(suggestion.break_even_days),
        horizon_days=suggestion.horizon_days,
        risk_aversion=suggestion.risk_aversion,
        value=result.value,
    )


def _known(figure: float | None) -> float:
    return nan if figure is None else figure
