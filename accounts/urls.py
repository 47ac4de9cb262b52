from anymail import urls as anymail
from django.urls import URLPattern, path

from accounts.views import (
    account_data,
    links,
    notifications,
    preferences,
    sessions,
    tokens,
    unsubscribe,
    webhooks,
)


def mail_events(provider: str) -> list[URLPattern]:
    """Where a mail provider reports bounces and complaints; nowhere without one."""
    name = f"{provider}_tracking_webhook"
    return [pattern for pattern in anymail.urlpatterns if pattern.name == name]


app_name = "accounts"
urlpatterns = [
    path("settings/", preferences.settings, name="settings"),
    path("theme/", preferences.theme, name="theme"),
    path("export/", account_data.export, name="export"),
    path("delete/", account_data.delete, name="delete"),
    path("notifications/", notifications.notification_list, name="notification-list"),
    path("notifications/read/", notifications.read_all, name="notifications-read"),
    path("notifications/<int:pk>/", notifications.notification, name="notification"),
    path("sessions/", sessions.session_list, name="session-list"),
    path("tokens/", tokens.token_list, name="token-list"),
    path("tokens/<slug:token_key>/revoke/", tokens.token_revoke, name="token-revoke"),
    path("webhooks/", webhooks.webhook_list, name="webhook-list"),
    path("webhooks/<int:pk>/", webhooks.webhook, name="webhook"),
    path("webhooks/<int:pk>/test/", webhooks.webhook_test, name="webhook-test"),
    path(
        "webhooks/<int:pk>/pause/", webhooks.webhook_switch, {"is_on": False}, name="webhook-pause"
    ),
    path(
        "webhooks/<int:pk>/resume/", webhooks.webhook_switch, {"is_on": True}, name="webhook-resume"
    ),
    path("webhooks/<int:pk>/delete/", webhooks.webhook_delete, name="webhook-delete"),
    path("write-again/", preferences.write_again, name="write-again"),
    path("act/<str:token>/", links.action, name="action"),
    path("letters/<str:token>/", links.letter, name="letter"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]
