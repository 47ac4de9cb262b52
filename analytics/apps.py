from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from accounts.services import exports, outbox
        from analytics import emails
        from analytics.services import exports as own

        outbox.register("drift_alert", emails.drift_alert)
        outbox.register("daily_digest", emails.digest)
        outbox.register("weekly_digest", emails.digest)
        exports.register(own.tables)
