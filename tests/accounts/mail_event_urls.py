"""The site's addresses where mail goes out through Postmark and Mailgun."""

from django.urls import include, path

from accounts.urls import mail_events
from portfolio_site.urls import urlpatterns as site

urlpatterns = [
    *site,
    path("mail-events/", include((mail_events("postmark") + mail_events("mailgun"), "provider"))),
]
