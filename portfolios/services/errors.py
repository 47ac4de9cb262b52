"""What the domain refuses. Each message is a sentence that a person can act on."""

from collections.abc import Iterable, Sequence
from datetime import UTC

from portfolios.models import Asset
from portfolios.selectors.ledger import Extreme


class PortfolioError(Exception):
    """A change to a portfolio was refused; nothing of it was saved."""


class QuantityError(PortfolioError):
    """A quantity that no balance can have."""


class TargetsError(PortfolioError):
    """Target weights that do not describe a whole portfolio."""


class TiltError(PortfolioError):
    """A temporary target that cannot be put in force."""


class RulesError(PortfolioError):
    """Rules of rebalancing that nothing could follow."""


class RolesError(PortfolioError):
    """Something would be counted and left out at once."""


class SlotError(PortfolioError):
    """A model's category slot is filled with an asset that does not fit, or with none."""


class OwnAssetError(PortfolioError):
    """An asset of one's own that cannot be as it was entered."""


class LedgerError(PortfolioError):
    """Something that no line of a ledger can be."""


class ShortfallError(PortfolioError):
    """More would leave than is held at that moment."""

    def __init__(self, extremes: Sequence[Extreme]) -> None:
        self.extremes = tuple(extremes)
        first = self.extremes[0]
        assert first.short_at is not None
        assert first.short_of is not None
        others = len(self.extremes) - 1
        super().__init__(
            f"On {first.short_at.astimezone(UTC):%-d %B %Y at %H:%M} UTC that is "
            f"{first.short_of.normalize():f} {first.symbol} more than is held"
            + (f", and {others} more of the assets run short" if others else "")
            + ". Add what came in before, or correct the quantity or the date."
        )


class ConflictError(PortfolioError):
    """The portfolio is no longer what the person saw when they decided."""


class RevisionError(ConflictError):
    """It was another revision that the person saw."""


class SandboxFullError(PortfolioError):
    """A guest has as much as a guest may have."""


class MissingPriceError(PortfolioError):
    """Something cannot be bought, because nobody knows what it costs."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self.assets = tuple(assets)
        names = ", ".join(str(asset) for asset in self.assets)
        super().__init__(f"There is no price for {names} on that day, so it cannot be bought.")


class ImportRefusedError(PortfolioError):
    """A file that cannot be read, or not be imported yet."""


class TokenMigrationError(Exception):
    """A token migration cannot be applied or reversed now; nothing has changed."""
