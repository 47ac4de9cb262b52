"""What the domain refuses. Each message is a sentence that a person can act on."""

from collections.abc import Iterable

from portfolios.models import Asset


class PortfolioError(Exception):
    """A change to a portfolio was refused; nothing of it was saved."""


class QuantityError(PortfolioError):
    """A quantity that no balance can have."""


class TargetsError(PortfolioError):
    """Target weights that do not describe a whole portfolio."""


class SlotError(PortfolioError):
    """A model's category slot is filled with an asset that does not fit, or with none."""


class OwnAssetError(PortfolioError):
    """An asset of one's own that cannot be as it was entered."""


class ConflictError(PortfolioError):
    """The portfolio is no longer what the person saw when they decided."""


class SandboxFullError(PortfolioError):
    """A guest has as much as a guest may have."""


class MissingPriceError(PortfolioError):
    """Something cannot be bought, because nobody knows what it costs."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self.assets = tuple(assets)
        names = ", ".join(str(asset) for asset in self.assets)
        super().__init__(f"There is no price for {names} on that day, so it cannot be bought.")


class TokenMigrationError(Exception):
    """A token migration cannot be applied or reversed now; nothing has changed."""
