from portfolios.models.assets import Asset, AssetCategory, MigratedAmount, TokenMigration
from portfolios.models.imports import Import
from portfolios.models.ledger import Holding, Transaction
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

__all__ = [
    "Asset",
    "AssetCategory",
    "DailyPrice",
    "Holding",
    "Import",
    "MarketSignal",
    "MigratedAmount",
    "ModelPortfolio",
    "ModelPortfolioLine",
    "OwnPrice",
    "Portfolio",
    "PriceSource",
    "QuarantinedPrice",
    "QuarantinedSignal",
    "ReferenceRate",
    "RiskProfile",
    "TargetWeight",
    "TokenMigration",
    "Transaction",
]
