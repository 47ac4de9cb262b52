from django.urls import path

from analytics.api.defi import DefiAllocations
from analytics.api.finder import Finders
from analytics.api.histories import Performances, SuggestionHistories, ValueHistories
from analytics.api.market import CorrelationMatrix, Market, MeasuredAssets, RegimeOfDay, Regimes
from analytics.api.movements import CorrelationPairs, Volatilities
from analytics.api.plans import Plans, SaleChecks
from analytics.api.position_sizes import PositionSizes
from analytics.api.quarterly_reviews import QuarterlyReviews
from analytics.api.recomputations import Recomputations
from analytics.api.reviews import Proposals, Reviews
from analytics.api.risk import Drift, Risk
from analytics.api.runs import Runs
from analytics.api.suggestions import Suggestions
from analytics.api.tilts import Tilts
from analytics.api.workbench import Workbenches

ONE = "portfolios/<int:pk>/"
REVIEW = f"{ONE}reviews/<int:review>/"
LIST, READ = {"get": "list"}, {"get": "retrieve"}
urlpatterns = [
    path("market/", Market.as_view(READ), name="market"),
    path("market/assets/", MeasuredAssets.as_view(LIST), name="measured-asset-list"),
    path("market/regimes/", Regimes.as_view(READ), name="regime-list"),
    path("market/regimes/<str:day>/", RegimeOfDay.as_view(READ), name="regime"),
    path("market/correlations/", CorrelationMatrix.as_view(READ), name="correlations"),
    path(
        "market/correlations/<str:first>/<str:second>/",
        CorrelationPairs.as_view(READ),
        name="correlation-pair",
    ),
    path("market/volatility/", Volatilities.as_view(READ), name="volatility"),
    path("defi-allocation/", DefiAllocations.as_view(READ), name="defi-allocation"),
    path("drift/", Drift.as_view(LIST), name="drift-list"),
    path(f"{ONE}risk/", Risk.as_view(READ), name="risk"),
    path(f"{ONE}review/", Reviews.as_view(READ), name="review"),
    path(
        f"{ONE}reviews/",
        QuarterlyReviews.as_view({"get": "list", "post": "create"}),
        name="quarterly-review-list",
    ),
    path(REVIEW, QuarterlyReviews.as_view(READ), name="quarterly-review"),
    path(f"{REVIEW}finish/", QuarterlyReviews.as_view({"post": "finish"}), name="quarterly-finish"),
    path(
        f"{REVIEW}answers/<slug:question>/",
        QuarterlyReviews.as_view({"put": "update"}),
        name="quarterly-answer",
    ),
    path(f"{ONE}finder/", Finders.as_view(READ), name="finder"),
    path(f"{ONE}proposals/", Proposals.as_view(READ), name="proposals"),
    path(f"{ONE}plan/", Plans.as_view(READ), name="plan"),
    path(f"{ONE}sale-check/", SaleChecks.as_view(READ), name="sale-check"),
    path(f"{ONE}workbench/", Workbenches.as_view(READ), name="workbench"),
    path(f"{ONE}recompute/", Recomputations.as_view({"post": "create"}), name="recompute"),
    path(
        f"{ONE}tilt/",
        Tilts.as_view({"get": "retrieve", "post": "create", "delete": "destroy"}),
        name="tilt",
    ),
    path(f"{ONE}values/", ValueHistories.as_view(READ), name="value-history"),
    path(f"{ONE}performance/", Performances.as_view(READ), name="performance"),
    path(f"{ONE}suggestions/", SuggestionHistories.as_view(READ), name="suggestion-history"),
    path(f"{ONE}suggestion/", Suggestions.as_view(READ), name="suggestion"),
    *(
        path(
            f"{ONE}suggestion/{action}/",
            Suggestions.as_view({"post": action}),
            name=f"suggestion-{action}",
        )
        for action in ("done", "dismiss", "snooze", "reopen")
    ),
    path("position-size/", PositionSizes.as_view(READ), name="position-size"),
    path("runs/", Runs.as_view(LIST), name="run-list"),
    path("runs/<str:as_of>/", Runs.as_view(READ), name="run"),
]
