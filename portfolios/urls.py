from django.urls import path

from portfolios.views import (
    activity,
    assets,
    gains,
    holdings,
    model_portfolios,
    own_assets,
    portfolio_files,
    portfolios,
    rules,
    targets,
)

app_name = "portfolios"
urlpatterns = [
    path("models/", model_portfolios.model_portfolio_list, name="model-portfolio-list"),
    path("models/<slug:slug>/", model_portfolios.model_portfolio, name="model-portfolio"),
    path("assets/options/", assets.asset_options, name="asset-options"),
    path("assets/own/", own_assets.own_asset_list, name="own-asset-list"),
    path("assets/own/new/", own_assets.own_asset_create, name="own-asset-create"),
    path("assets/own/<int:pk>/", own_assets.own_asset, name="own-asset"),
    path("assets/own/<int:pk>/price/", own_assets.own_price, name="own-price"),
    path("assets/own/<int:pk>/remove/", own_assets.own_asset_remove, name="own-asset-remove"),
    path("portfolios/new/", portfolios.portfolio_create, name="portfolio-create"),
    path("portfolios/<int:pk>/holdings/", holdings.holdings, name="holdings"),
    path("portfolios/<int:pk>/holdings/<int:holding_pk>/", holdings.holding, name="holding"),
    path(
        "portfolios/<int:pk>/holdings/<int:holding_pk>/remove/",
        holdings.holding_remove,
        name="holding-remove",
    ),
    path("portfolios/<int:pk>/targets/", targets.targets, name="targets"),
    path("portfolios/<int:pk>/rules/", rules.rules, name="rules"),
    path("portfolios/<int:pk>/activity/", activity.activity, name="activity"),
    path(
        "portfolios/<int:pk>/activity/new/",
        activity.transaction_create,
        name="transaction-create",
    ),
    path(
        "portfolios/<int:pk>/activity/restore/",
        activity.transaction_restore,
        name="transaction-restore",
    ),
    path(
        "portfolios/<int:pk>/activity/<int:transaction_pk>/",
        activity.transaction,
        name="transaction",
    ),
    path(
        "portfolios/<int:pk>/activity/<int:transaction_pk>/remove/",
        activity.transaction_remove,
        name="transaction-remove",
    ),
    path("portfolios/<int:pk>/gains/", gains.gains, name="gains"),
    path("portfolios/<int:pk>/gains/<int:year>.csv", gains.gains_csv, name="gains-csv"),
    path("portfolios/<int:pk>/gains/method/", gains.ledger_settings, name="ledger-settings"),
    path("portfolios/<int:pk>/settings/", portfolios.settings, name="settings"),
    path("portfolios/<int:pk>/rename/", portfolios.portfolio_rename, name="portfolio-rename"),
    path(
        "portfolios/<int:pk>/export.csv",
        portfolio_files.portfolio_export,
        {"kind": "csv"},
        name="portfolio-export-csv",
    ),
    path(
        "portfolios/<int:pk>/export.json",
        portfolio_files.portfolio_export,
        {"kind": "json"},
        name="portfolio-export-json",
    ),
    path("portfolios/<int:pk>/clone/", portfolios.portfolio_clone, name="portfolio-clone"),
    path("portfolios/<int:pk>/archive/", portfolios.portfolio_archive, name="portfolio-archive"),
    path("portfolios/<int:pk>/restore/", portfolios.portfolio_restore, name="portfolio-restore"),
    path("portfolios/<int:pk>/delete/", portfolios.portfolio_delete, name="portfolio-delete"),
    path("portfolios/<int:pk>/undelete/", portfolios.portfolio_undelete, name="portfolio-undelete"),
]
