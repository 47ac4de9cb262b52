"""Wrapped and staked forms beside the coins that they stand for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from portfolios.models import Asset
from portfolios.selectors import prices

LOOKED_AT = timedelta(days=365)


@dataclass(frozen=True)
class Form:
    """What one unit costs in units of its coin: now, and least and most within a year."""

    asset: Asset
    coin: Asset
    ratio: float | None = None  # None: one of the two has no price
    lowest: float | None = None
    highest: float | None = None


def read(held: Iterable[Asset], *, as_of: date | None) -> list[Form]:
    """Each form among these, and how its price has differed from its coin's."""
    forms = [asset for asset in held if asset.form_of_id is not None]
    coins = Asset.objects.in_bulk([asset.form_of_id for asset in forms])
    if not forms:
        return []
    pairs = [(asset, coins[asset.form_of_id]) for asset in forms if asset.form_of_id in coins]
    if as_of is None:
        return [Form(asset, coin) for asset, coin in pairs]
    ids = [each.pk for pair in pairs for each in pair]
    panel = prices.close_panel(end=as_of, days=LOOKED_AT.days, asset_ids=ids)
    found = []
    for asset, coin in pairs:
        if asset.pk not in panel.columns or coin.pk not in panel.columns:
            found.append(Form(asset, coin))
            continue
        known = (panel[asset.pk] / panel[coin.pk]).dropna()
        if known.empty:
            found.append(Form(asset, coin))
            continue
        ratios = float(known.iloc[-1]), float(known.min()), float(known.max())
        found.append(Form(asset, coin, *ratios))
    return found
