from django.urls import path

from analytics.views import (
    assets,
    correlations,
    finder,
    market,
    performance,
    portfolios,
    quarterly_reviews,
    questions,
    rebalance,
    reviews,
    sale_check,
    sandbox,
    suggestions,
    target_versions,
    tilts,
    tools,
    volatility,
    wizard,
    workbench,
)

app_name = "analytics"
urlpatterns = [
    path("portfolios/", portfolios.portfolio_list, name="portfolio-list"),
    path("portfolios/new/wizard/", wizard.wizard, name="wizard"),
    path("portfolios/new/wizard/restart/", wizard.wizard_restart, name="wizard-restart"),
    path("portfolios/new/wizard/<slug:step>/", wizard.wizard_step, name="wizard-step"),
    path("portfolios/<int:pk>/", portfolios.overview, name="overview"),
    path("portfolios/<int:pk>/result/", portfolios.portfolio_result, name="portfolio-result"),
    path("portfolios/<int:pk>/value-history/", portfolios.value_history, name="value-history"),
    path("portfolios/<int:pk>/performance/", performance.performance, name="performance"),
    path("portfolios/<int:pk>/recompute/", portfolios.recompute, name="recompute"),
    path("portfolios/<int:pk>/allocation/", portfolios.allocation, name="allocation"),
    path("portfolios/<int:pk>/rebalance/", rebalance.rebalance, name="rebalance"),
    path("portfolios/<int:pk>/rebalance/plan.csv", rebalance.plan_csv, name="rebalance-csv"),
    path("portfolios/<int:pk>/workbench/", workbench.workbench, name="workbench"),
    path("portfolios/<int:pk>/finder/", finder.finder, name="finder"),
    path("portfolios/<int:pk>/sale-check/", sale_check.sale_check, name="sale-check"),
    path(
        "portfolios/<int:pk>/sale-check/<int:transaction_pk>/",
        sale_check.changed_sale_check,
        name="changed-sale-check",
    ),
    path(
        "portfolios/<int:pk>/suggestions/",
        suggestions.suggestion_history,
        name="suggestion-history",
    ),
    path(
        "portfolios/<int:pk>/suggestion/done/", suggestions.suggestion_done, name="suggestion-done"
    ),
    path(
        "portfolios/<int:pk>/suggestion/dismiss/",
        suggestions.suggestion_dismiss,
        name="suggestion-dismiss",
    ),
    path(
        "portfolios/<int:pk>/suggestion/snooze/",
        suggestions.suggestion_snooze,
        name="suggestion-snooze",
    ),
    path(
        "portfolios/<int:pk>/suggestion/reopen/",
        suggestions.suggestion_reopen,
        name="suggestion-reopen",
    ),
    path("portfolios/<int:pk>/workbench/proposals/", workbench.proposals, name="proposals"),
    path(
        "portfolios/<int:pk>/workbench/versions/",
        target_versions.target_version_list,
        name="target-versions",
    ),
    path("portfolios/<int:pk>/review/", reviews.review, name="review"),
    path("portfolios/<int:pk>/tilt/", tilts.tilt, name="tilt"),
    path("portfolios/<int:pk>/tilt/end/", tilts.tilt_end, name="tilt-end"),
    path(
        "portfolios/<int:pk>/reviews/",
        quarterly_reviews.quarterly_reviews,
        name="quarterly-reviews",
    ),
    path(
        "portfolios/<int:pk>/reviews/<int:review_pk>/",
        quarterly_reviews.quarterly_review,
        name="quarterly-review",
    ),
    path(
        "portfolios/<int:pk>/reviews/<int:review_pk>/<slug:question>/",
        quarterly_reviews.review_question,
        name="review-question",
    ),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("tools/", tools.tools, name="tools"),
    path("tools/position-size/", tools.position_size, name="position-size"),
    path("tools/defi/", tools.defi_allocation, name="defi-allocation"),
    path("tools/models/", tools.model_comparison, name="model-comparison"),
    path("glossary/", tools.glossary, name="glossary"),
    path("tools/questions/", questions.questions, name="questions"),
    path("market/", market.market, name="market"),
    path("market/correlation/", correlations.correlation, name="correlation"),
    path(
        "market/correlation/heatmap/", correlations.correlation_heatmap, name="correlation-heatmap"
    ),
    path(
        "market/correlation/<slug:first>/<slug:second>/",
        correlations.correlation_pair,
        name="correlation-pair",
    ),
    path("market/volatility/", volatility.volatility, name="volatility"),
    path("market/assets/", assets.asset_list, name="asset-list"),
    path("market/assets/<slug:coingecko_id>/", assets.asset, name="asset"),
]
