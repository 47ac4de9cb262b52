"""What an account export says about portfolios."""

from collections.abc import Iterator

from accounts.models import User
from accounts.services import exports
from accounts.services.exports import Table
from portfolios.models import Asset, Holding, OwnPrice, Portfolio, TargetWeight

ASSET = ("asset__symbol", "asset__name")


def tables(user: User) -> Iterator[Table]:
    """Facts, those put away included."""
    portfolios = Portfolio.objects.filter(owner=user).order_by("pk")
    yield exports.table("portfolios", portfolios, also=["profile__name"])
    for name, model in (("holdings", Holding), ("targets", TargetWeight)):
        rows = model._default_manager.filter(portfolio__owner=user)
        also = ASSET if model is Holding else (*ASSET, "category__name")
        yield exports.table(name, rows.order_by("portfolio_id", "pk"), also=also)
    assets = Asset.of_anybody.filter(owner=user).order_by("pk")
    yield exports.table("own_assets", assets, also=["category__name"])
    own_prices = OwnPrice.objects.filter(asset__owner=user).order_by("asset_id", "date")
    yield exports.table("own_prices", own_prices, also=ASSET)
