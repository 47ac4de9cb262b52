from django.urls import path

from portfolios.api.assets import Assets, Categories
from portfolios.api.gains import Gains, Lots, SaleLots
from portfolios.api.imports import ImportRows, Imports
from portfolios.api.own_assets import OwnAssets
from portfolios.api.portfolio_files import PortfolioFiles
from portfolios.api.portfolios import ModelPortfolios, Portfolios
from portfolios.api.prices import Prices, Signals
from portfolios.api.rules import Roles, Rules, Venues
from portfolios.api.targets import Holdings, Targets, TargetVersions
from portfolios.api.transactions import Transactions

ONE = "portfolios/<int:pk>/"
IMPORT = f"{ONE}imports/<int:import_run>/"
LIST, READ = {"get": "list"}, {"get": "retrieve"}
CHANGE = READ | {"patch": "partial_update"}
urlpatterns = [
    path("categories/", Categories.as_view(LIST), name="category-list"),
    path("assets/", Assets.as_view(LIST), name="asset-list"),
    path("assets/<str:asset>/", Assets.as_view(READ), name="asset"),
    path("assets/<str:asset>/prices/", Prices.as_view(READ), name="prices"),
    path("signals/", Signals.as_view(READ), name="signals"),
    path("model-portfolios/", ModelPortfolios.as_view(LIST), name="model-portfolio-list"),
    path("venues/", Venues.as_view(LIST), name="venue-list"),
    path(
        "own-assets/", OwnAssets.as_view({"get": "list", "post": "create"}), name="own-asset-list"
    ),
    path(
        "own-assets/<int:own_asset>/",
        OwnAssets.as_view({"put": "update", "delete": "destroy"}),
        name="own-asset",
    ),
    path(
        "own-assets/<int:own_asset>/price/",
        OwnAssets.as_view({"put": "price"}),
        name="own-asset-price",
    ),
    path(
        "portfolios/",
        Portfolios.as_view({"get": "list", "post": "create"}),
        name="portfolio-list",
    ),
    path(
        "portfolios/file/", PortfolioFiles.as_view({"post": "create"}), name="portfolio-from-file"
    ),
    path(f"{ONE}file/", PortfolioFiles.as_view(READ), name="portfolio-file"),
    path(
        ONE,
        Portfolios.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="portfolio",
    ),
    *(
        path(f"{ONE}{action}/", Portfolios.as_view({"post": action}), name=f"portfolio-{action}")
        for action in ("archive", "restore", "clone", "undelete")
    ),
    path(
        f"{ONE}targets/",
        Targets.as_view({"get": "retrieve", "put": "update"}),
        name="targets",
    ),
    path(f"{ONE}targets/versions/", TargetVersions.as_view(LIST), name="target-version-list"),
    path(
        f"{ONE}targets/versions/<int:number>/restore/",
        TargetVersions.as_view({"post": "restore"}),
        name="target-version-restore",
    ),
    path(f"{ONE}rules/", Rules.as_view(CHANGE), name="rules"),
    path(f"{ONE}roles/", Roles.as_view(CHANGE), name="roles"),
    path(f"{ONE}gains/", Gains.as_view(READ), name="gains"),
    path(f"{ONE}lots/", Lots.as_view(READ), name="lots"),
    path(f"{ONE}holdings/", Holdings.as_view(READ), name="holdings"),
    path(
        f"{ONE}holdings/<str:asset>/",
        Holdings.as_view({"put": "update", "delete": "destroy"}),
        name="holding",
    ),
    path(
        f"{ONE}transactions/",
        Transactions.as_view({"get": "list", "post": "create"}),
        name="transaction-list",
    ),
    path(
        f"{ONE}transactions/bulk/",
        Transactions.as_view({"post": "bulk"}),
        name="transaction-bulk",
    ),
    path(
        f"{ONE}transactions/<int:transaction>/",
        Transactions.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="transaction",
    ),
    path(
        f"{ONE}transactions/<int:transaction>/lots/",
        SaleLots.as_view({"get": "retrieve", "put": "update"}),
        name="sale-lots",
    ),
    path(
        f"{ONE}imports/",
        Imports.as_view({"get": "list", "post": "create"}),
        name="import-list",
    ),
    path(IMPORT, Imports.as_view({"get": "retrieve", "delete": "destroy"}), name="import"),
    path(f"{IMPORT}rows/", ImportRows.as_view(LIST), name="import-row-list"),
    path(
        f"{IMPORT}answers/",
        Imports.as_view({"post": "answer_questions"}),
        name="import-answers",
    ),
    *(
        path(f"{IMPORT}{action}/", Imports.as_view({"post": action}), name=f"import-{action}")
        for action in ("tickers", "confirm", "undo")
    ),
]
