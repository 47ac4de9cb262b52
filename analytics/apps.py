from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from accounts.models import Kind
        from accounts.services import exports, letters, notifications
        from analytics import emails
        from analytics.services import exports as own

        for kind in (Kind.DRIFT, Kind.BALANCE):
            notifications.register(kind, emails.alert_words)
            letters.register(kind, emails.alert_details)
        exports.register(own.tables)
