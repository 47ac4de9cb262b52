from django.urls import path

from accounts.views import preferences

app_name = "accounts"
urlpatterns = [
    path("settings/", preferences.settings, name="settings"),
]
