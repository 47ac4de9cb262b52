from django.urls import path

from portfolios.views import holdings, portfolios, targets

app_name = "portfolios"
urlpatterns = [
    path("portfolios/new/", portfolios.portfolio_create, name="portfolio-create"),
    path("portfolios/<int:pk>/holdings/", holdings.holdings, name="holdings"),
    path("portfolios/<int:pk>/holdings/<int:holding_pk>/", holdings.holding, name="holding"),
    path(
        "portfolios/<int:pk>/holdings/<int:holding_pk>/remove/",
        holdings.holding_remove,
        name="holding-remove",
    ),
    path("portfolios/<int:pk>/targets/", targets.targets, name="targets"),
    path("portfolios/<int:pk>/settings/", portfolios.settings, name="settings"),
    path("portfolios/<int:pk>/delete/", portfolios.portfolio_delete, name="portfolio-delete"),
]
