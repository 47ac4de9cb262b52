"""What a person has added to the catalogue for themselves."""

from dataclasses import dataclass
from datetime import date

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower

from accounts.models import User
from portfolios.models import Asset, Holding, Portfolio, TargetWeight, Transaction
from portfolios.selectors import ledger, prices
from portfolios.selectors.prices import LatestClose


@dataclass(frozen=True)
class OwnAsset:
    asset: Asset
    latest: LatestClose | None
    is_used: bool


def read(user: User | AnonymousUser, *, as_of: date) -> list[OwnAsset]:
    """All of them by name, with what each was worth last; two queries."""
    uses = [model.objects.filter(asset=OuterRef("pk")) for model in (Holding, TargetWeight)]
    lines = Transaction.objects.filter(ledger.names(OuterRef("pk")))
    assets = (
        Asset.of_anybody.owned_by(user)
        .select_related("category")
        .annotate(is_used=Exists(uses[0]) | Exists(uses[1]) | Exists(lines))
        .order_by(Lower("name"), "pk")
    )
    latest = prices.latest_own_prices(as_of=as_of, asset_ids=[asset.pk for asset in assets])
    return [OwnAsset(asset, latest.get(asset.pk), asset.is_used) for asset in assets]


def portfolios_with(asset: Asset) -> list[Portfolio]:
    """Those of its owner that hold or want it, or have; archived and deleted ones too."""
    rows = {"portfolio": OuterRef("pk"), "asset": asset}
    uses = [Exists(model.objects.filter(**rows)) for model in (Holding, TargetWeight)]
    lines = Transaction.objects.filter(ledger.names(asset), portfolio=OuterRef("pk"))
    return list(Portfolio.objects.filter(uses[0] | uses[1] | Exists(lines)))
