"""Inferences for programs: the market as measured, risk, drift, suggestions, and the night.

Each module is a resource or a few that belong together: its fields, then its operations.
"""

from accounts.api import problems
from accounts.api.problems import Problem
from analytics.core.errors import CoreError
from analytics.services.plan_pages import ImpossiblePlan
from analytics.services.suggestions import SuggestionError
from analytics.services.tilt_proposals import NoTilt


class NotMeasured(Exception):
    """No night has measured this yet."""


class NotCalculated(Exception):
    """The portfolio has changed since it was calculated; that is on its way."""

    wait = 3

    def __str__(self) -> str:
        return f"It is being calculated. Ask again in {self.wait} seconds."


class NoSuggestion(Exception):
    """There is nothing to suggest."""


class ReviewRefused(Exception):
    """That cannot become of a quarterly review."""


class CannotStart(Exception):
    """No worker can be asked."""

    wait = 30

    def __str__(self) -> str:
        return f"The calculation cannot start now. Ask again in {self.wait} seconds."


problems.register(
    {
        CannotStart: Problem("cannot_start", 503, "No worker can be asked now"),
        ImpossiblePlan: Problem("impossible_plan", 422, "A plan that cannot be"),
        NoTilt: Problem("no_tilt", 422, "Nothing can be proposed"),
        NotMeasured: Problem("not_measured", 404, "No night has measured this yet"),
        NotCalculated: Problem("not_calculated", 409, "It is being calculated"),
        NoSuggestion: Problem("no_suggestion", 404, "There is no suggestion now"),
        ReviewRefused: Problem("review", 422, "That cannot become of the review"),
        SuggestionError: Problem("suggestion", 422, "That cannot become of the suggestion"),
        CoreError: Problem("no_calculation", 422, "Nothing can be calculated from this"),
    }
)
