from portfolios.models.assets import Asset, AssetCategory, MigratedAmount, TokenMigration
from portfolios.models.ledger import Holding
from portfolios.models.portfolios import (
    ModelPortfolio,
    ModelPortfolioLine,
    Portfolio,
    RiskProfile,
    TargetWeight,
)
from portfolios.models.prices import DailyPrice, OwnPrice, PriceSource, QuarantinedPrice

__all__ = [
    "Asset",
    "AssetCategory",
    "DailyPrice",
    "Holding",
    "MigratedAmount",
    "ModelPortfolio",
    "ModelPortfolioLine",
    "OwnPrice",
    "Portfolio",
    "PriceSource",
    "QuarantinedPrice",
    "RiskProfile",
    "TargetWeight",
    "TokenMigration",
]
