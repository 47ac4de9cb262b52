"""What an account export says about results, suggestions, alerts and reviews."""

from collections.abc import Iterator

from accounts.models import User
from accounts.services import exports
from accounts.services.exports import Table
from analytics.models import (
    AlertEvent,
    BreachEpisode,
    PortfolioResult,
    QuarterlyReview,
    Suggestion,
    SuggestionLife,
)


def tables(user: User) -> Iterator[Table]:
    """Inferences: results of the current night, and every alert and quarterly review there was."""
    current = {"portfolio__owner": user, "run__is_current": True}
    results = PortfolioResult.objects.filter(**current).order_by("portfolio_id", "revision")
    suggestions = Suggestion.objects.filter(**current).order_by("portfolio_id", "revision")
    episodes = BreachEpisode.objects.filter(portfolio__owner=user).order_by("pk")
    alerts = AlertEvent.objects.filter(portfolio__owner=user).order_by("pk")
    yield exports.table("results", results, also=["run__as_of"])
    yield exports.table("suggestions", suggestions, also=["run__as_of"])
    lives = SuggestionLife.objects.filter(portfolio__owner=user).order_by("pk")
    yield exports.table("suggestion_lives", lives, also=["run__as_of"])
    yield exports.table("episodes", episodes)
    yield exports.table("alerts", alerts, also=["run__as_of"])
    reviews = QuarterlyReview.objects.filter(portfolio__owner=user).order_by("pk")
    yield exports.table("quarterly_reviews", reviews)
