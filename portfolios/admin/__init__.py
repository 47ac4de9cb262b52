"""The admin site's view of the catalogue, which it curates, and of facts, which it shows."""

from portfolios.admin import assets, facts, model_portfolios, token_migrations, venues

__all__ = ["assets", "facts", "model_portfolios", "token_migrations", "venues"]
