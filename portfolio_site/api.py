"""Every address of the API, its description, and its documentation."""

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path, re_path
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)

from accounts.api import problems
from accounts.api.notifications import Notifications
from accounts.api.preferences import Preferences
from accounts.api.tokens import Tokens
from accounts.api.views import Unknown
from accounts.api.webhooks import Webhooks


def problem_list(request: HttpRequest) -> HttpResponse:
    return render(request, "api/problems.html", {"problems": problems.known()})


documentation = SpectacularSwaggerSplitView.as_view(
    url_name="api:schema", template_name="api/swagger.html"
)
# Redoc makes style elements without any text, and fills them by script.
NO_TEXT = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
reference = csp_update({"style-src": NO_TEXT})(
    SpectacularRedocView.as_view(url_name="api:schema", template_name="api/redoc.html")
)

app_name = "api"
version_1 = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", documentation, name="documentation"),
    path("reference/", reference, name="reference"),
    path("problems/", problem_list, name="problem-list"),
    path(
        "preferences/",
        Preferences.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="preferences",
    ),
    path("tokens/", Tokens.as_view({"get": "list"}), name="token-list"),
    path("notifications/", Notifications.as_view({"get": "list"}), name="notification-list"),
    path(
        "notifications/read-all/",
        Notifications.as_view({"post": "read_all"}),
        name="notifications-read",
    ),
    path(
        "notifications/<int:notification>/read/",
        Notifications.as_view({"post": "read"}),
        name="notification-read",
    ),
    path("webhooks/", Webhooks.as_view({"get": "list", "post": "create"}), name="webhook-list"),
    path(
        "webhooks/<int:webhook>/",
        Webhooks.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="webhook",
    ),
    path("webhooks/<int:webhook>/test/", Webhooks.as_view({"post": "test"}), name="webhook-test"),
    path("", include("portfolios.api.urls")),
    path("", include("analytics.api.urls")),
    re_path(r"^.*$", Unknown.as_view(), name="unknown"),
]
urlpatterns = [path("v1/", include(version_1))]
