from django.urls import path

from accounts.views import preferences, unsubscribe

app_name = "accounts"
urlpatterns = [
    path("settings/", preferences.settings, name="settings"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]
