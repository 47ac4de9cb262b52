from analytics.models.alerts import AlertEvent, BreachEpisode
from analytics.models.assets import AssetDay
from analytics.models.claims import ClaimDay
from analytics.models.market import ClusterDay, MarketSnapshot, RegimeDay, SwitchingReview
from analytics.models.results import PortfolioResult
from analytics.models.reviews import QuarterlyReview
from analytics.models.runs import NightlyRun, RunChunk, RunStep
from analytics.models.suggestions import Suggestion, SuggestionLife

__all__ = [
    "AlertEvent",
    "AssetDay",
    "BreachEpisode",
    "ClaimDay",
    "ClusterDay",
    "MarketSnapshot",
    "NightlyRun",
    "PortfolioResult",
    "QuarterlyReview",
    "RegimeDay",
    "RunChunk",
    "RunStep",
    "Suggestion",
    "SuggestionLife",
    "SwitchingReview",
]
