"""Rows of the catalogue for tests of what is made after a model."""

from decimal import Decimal

from factory import Sequence, SubFactory
from factory.django import DjangoModelFactory

from portfolios.models import ModelPortfolio, ModelPortfolioLine, RiskProfile
from tests.factories import AssetFactory


class RiskProfileFactory(DjangoModelFactory[RiskProfile]):
    class Meta:
        model = RiskProfile

    slug = Sequence(lambda n: f"profile-{n}")
    name = Sequence(lambda n: f"Profile {n}")
    max_drawdown = Decimal("0.35")
    return_target_min = Decimal("0.4")
    return_target_max = Decimal("0.8")
    core_min = Decimal("0.45")
    core_max = Decimal("0.55")
    bitcoin_cap = Decimal("0.45")
    ether_cap = Decimal("0.25")
    other_cap = Decimal("0.1")


class ModelPortfolioFactory(DjangoModelFactory[ModelPortfolio]):
    class Meta:
        model = ModelPortfolio

    slug = Sequence(lambda n: f"model-{n}")
    name = Sequence(lambda n: f"Model {n}")
    profile = SubFactory(RiskProfileFactory)


class ModelPortfolioLineFactory(DjangoModelFactory[ModelPortfolioLine]):
    class Meta:
        model = ModelPortfolioLine

    model_portfolio = SubFactory(ModelPortfolioFactory)
    asset = SubFactory(AssetFactory)
    weight = Decimal("0.5")
