"""What an account export says about portfolios."""

from collections.abc import Iterator

from accounts.models import User
from accounts.services import exports
from accounts.services.exports import Table
from portfolios.models import Holding, Portfolio, TargetWeight

ASSET = ("asset__symbol", "asset__name")


def tables(user: User) -> Iterator[Table]:
    """Facts, those put away included."""
    own = Portfolio.objects.filter(owner=user).order_by("pk")
    yield exports.table("portfolios", own, also=["profile__name"])
    for name, model in (("holdings", Holding), ("targets", TargetWeight)):
        rows = model._default_manager.filter(portfolio__owner=user)
        yield exports.table(name, rows.order_by("portfolio_id", "pk"), also=ASSET)
