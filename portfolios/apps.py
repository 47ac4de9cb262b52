from django.apps import AppConfig


class PortfoliosConfig(AppConfig):
    name = "portfolios"

    def ready(self) -> None:
        from accounts.services import exports
        from portfolios.services import exports as own

        exports.register(own.tables)
