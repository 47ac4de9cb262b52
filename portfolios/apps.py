from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"

    def ready(self) -> None:
        from accounts.services import exports, guests
        from portfolios.services import exports as own
        from portfolios.services import sandboxes

        exports.register(own.tables)
        guests.register(sandboxes.hand_over)
