from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from accounts.models import Kind
        from accounts.services import actions, exports, letters, notifications
        from analytics import emails
        from analytics.services import alert_actions
        from analytics.services import exports as own

        for kind in (Kind.DRIFT, Kind.BALANCE):
            notifications.register(kind, emails.alert_words)
            letters.register(kind, emails.alert_details)
        notifications.register(Kind.SUMMARY, emails.summary_words)
        for action in (alert_actions.SNOOZE_ACTION, alert_actions.DONE_ACTION):
            actions.register(Kind.DRIFT, action)
        exports.register(own.tables)
