"""Every address of the site. Facts come from portfolios, inferences from analytics."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.urls import mail_events
from portfolio_site import health, metrics

# Django's own login for the admin knows neither rate limits nor second steps.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Without a request, and so without context processors: what failed may have been one of them.
handler500 = "portfolio_site.errors.broken"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="analytics:portfolio-list"), name="home"),
    path("", include("analytics.urls")),
    path("", include("portfolios.urls")),
    path("account/", include("accounts.urls")),
    path("account/", include("allauth.account.urls")),
    path("account/second-step/", include("allauth.mfa.urls")),
    path("api/", include("portfolio_site.api")),
    path("admin/", admin.site.urls),
    path("mail-events/", include((mail_events(settings.MAIL_PROVIDER), "anymail"))),
    path("livez", health.live, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
