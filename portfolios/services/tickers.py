"""What tickers in a person's files mean: told by the catalogue, or by the person, never guessed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Upper

from accounts.models import User
from portfolios.models import Asset, TickerChoice


@dataclass(frozen=True)
class Meaning:
    """What a ticker stands for, and what it could stand for."""

    ticker: str
    candidates: tuple[Asset, ...]
    asset: Asset | None = None
    is_left_out: bool = False
    is_chosen: bool = False
    """By its owner, and remembered."""
    count: int = 0
    """How many rows of a file have it."""

    @property
    def is_settled(self) -> bool:
        return self.is_left_out or self.asset is not None


def meanings(
    *, owner: User, tickers: Collection[str], asked: Collection[str] = ()
) -> dict[str, Meaning]:
    """What each of these means to a person; three queries.

    A ticker means the only active asset that has it. Where there are several or none, or for
    those that the person wants to be `asked` about, nothing is settled before they have chosen.
    """
    rows = TickerChoice.objects.filter(owner=owner, ticker__in=tickers).select_related("asset")
    choices = {row.ticker: row for row in rows}
    candidates = _candidates(owner, tickers)
    found = {}
    for ticker in tickers:
        fitting = candidates.get(ticker.upper(), ())
        choice = choices.get(ticker)
        if choice is not None and ticker not in asked:
            found[ticker] = Meaning(
                ticker, fitting, choice.asset, is_left_out=choice.asset is None, is_chosen=True
            )
        else:
            only = fitting[0] if len(fitting) == 1 and fitting[0].is_active else None
            found[ticker] = Meaning(ticker, fitting, None if ticker in asked else only)
    return found


def choose(*, owner: User, chosen: Mapping[str, Asset | None]) -> None:
    """Remember what tickers mean to a person; None: leave their rows out. Idempotent."""
    TickerChoice.objects.bulk_create(
        [TickerChoice(owner=owner, ticker=ticker, asset=asset) for ticker, asset in chosen.items()],
        update_conflicts=True,
        unique_fields=["owner", "ticker"],
        update_fields=["asset"],
    )


def _candidates(owner: User, tickers: Collection[str]) -> dict[str, tuple[Asset, ...]]:
    """Assets by the tickers, or the ids, that they are known by, the largest first."""
    names = {ticker.upper() for ticker in tickers}
    assets = (
        Asset.of_anybody.visible_to(owner)
        .annotate(ticker=Upper("symbol"), key=Upper("coingecko_id"))
        .filter(Q(ticker__in=names) | Q(key__in=names))
        .select_related("category")
    )
    found: dict[str, list[Asset]] = {}
    for asset in assets:
        for name in {asset.ticker, asset.key} & names:
            found.setdefault(name, []).append(asset)
    return {name: tuple(fitting) for name, fitting in found.items()}
