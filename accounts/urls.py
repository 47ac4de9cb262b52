from django.urls import path

from accounts.views import account_data, preferences, unsubscribe

app_name = "accounts"
urlpatterns = [
    path("settings/", preferences.settings, name="settings"),
    path("theme/", preferences.theme, name="theme"),
    path("export/", account_data.export, name="export"),
    path("delete/", account_data.delete, name="delete"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]
