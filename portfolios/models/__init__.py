from portfolios.models.assets import Asset, AssetCategory, MigratedAmount, TokenMigration
from portfolios.models.drafts import PortfolioDraft
from portfolios.models.events import MarketEvent
from portfolios.models.imports import ColumnMapping, Import, ImportRow, TickerChoice
from portfolios.models.ledger import Holding, LotChoice, Transaction
from portfolios.models.portfolios import (
    ModelPortfolio,
    ModelPortfolioLine,
    Portfolio,
    RiskProfile,
    TargetWeight,
)
from portfolios.models.prices import (
    DailyPrice,
    MarketSignal,
    OwnPrice,
    PriceSource,
    QuarantinedPrice,
    QuarantinedSignal,
    ReferenceRate,
)
from portfolios.models.rules import PositionRule
from portfolios.models.tilts import StrategicWeight, Tilt
from portfolios.models.venues import Venue
from portfolios.models.versions import TargetVersion

__all__ = [
    "Asset",
    "AssetCategory",
    "ColumnMapping",
    "DailyPrice",
    "Holding",
    "Import",
    "ImportRow",
    "LotChoice",
    "MarketEvent",
    "MarketSignal",
    "MigratedAmount",
    "ModelPortfolio",
    "ModelPortfolioLine",
    "OwnPrice",
    "Portfolio",
    "PortfolioDraft",
    "PositionRule",
    "PriceSource",
    "QuarantinedPrice",
    "QuarantinedSignal",
    "ReferenceRate",
    "RiskProfile",
    "StrategicWeight",
    "TargetVersion",
    "TargetWeight",
    "TickerChoice",
    "Tilt",
    "TokenMigration",
    "Transaction",
    "Venue",
]
