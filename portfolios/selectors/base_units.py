"""In what a person wants totals shown, in addition to dollars."""

from dataclasses import dataclass
from datetime import date

from accounts.models import BaseUnit, User
from portfolios.models import DailyPrice

COINGECKO_IDS: dict[str, str] = {BaseUnit.BITCOIN: "bitcoin", BaseUnit.ETHER: "ethereum"}


@dataclass(frozen=True)
class Unit:
    symbol: str
    close: float  # US dollars


def read(user: User, *, on: date) -> Unit | None:
    """The unit at the close of that day; None when dollars are enough or the close is unknown."""
    if user.base_unit not in COINGECKO_IDS:
        return None
    prices = DailyPrice.objects.filter(
        asset__coingecko_id=COINGECKO_IDS[user.base_unit], asset__owner=None, date=on
    )
    row = prices.values_list("asset__symbol", "close").first()
    return Unit(*row) if row else None
