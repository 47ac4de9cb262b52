from portfolios.models.assets import Asset, AssetCategory, MigratedAmount, TokenMigration
from portfolios.models.ledger import Holding
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
)

__all__ = [
    "Asset",
    "AssetCategory",
    "DailyPrice",
    "Holding",
    "MarketSignal",
    "MigratedAmount",
    "ModelPortfolio",
    "ModelPortfolioLine",
    "OwnPrice",
    "Portfolio",
    "PriceSource",
    "QuarantinedPrice",
    "QuarantinedSignal",
    "RiskProfile",
    "TargetWeight",
    "TokenMigration",
]
