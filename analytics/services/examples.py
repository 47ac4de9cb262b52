"""Portfolios to learn from: a model that was bought some months ago and has drifted since."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext
from typing import cast

import pandas as pd
from django.utils import timezone

from accounts.models import User
from portfolios.models import Asset, Holding, ModelPortfolio, Portfolio, Transaction
from portfolios.selectors import currencies, prices
from portfolios.services import portfolios, transactions
from portfolios.services.errors import SlotError
from portfolios.services.quantities import SMALLEST

AMOUNT = Decimal(25_000)
CLOSE = time(23, 59, 59)  # the last moment that belongs to a day
CENT, FEE = Decimal("0.01"), Decimal("0.001")
MIN_AGE_DAYS, MAX_AGE_DAYS = 90, 540
CLEAR_DRIFT = 0.11  # beyond the wide band, whatever the regime
NOTES = (
    "An example: 25,000 US dollars, split after a model portfolio and left alone since. Prices "
    "have moved, so the shares have too. Look under Rebalance for the trades that bring them back, "
    "then change the holdings and the targets to yours."
)


def open_drifted(
    *, owner: User, model: ModelPortfolio, closes: pd.DataFrame, notes: str = ""
) -> Portfolio | None:
    """Open a portfolio bought after the model when that has drifted clearly by now.

    `closes` are those of `known_closes`. None when the model could not be bought on any day.
    """
    bought_on = _purchase_day(model, closes)
    if bought_on is None:
        return None
    latest = prices.latest_closes(as_of=bought_on)
    portfolio = portfolios.create_from_model(
        owner=owner,
        name=f"{model.name} since {bought_on:%B %Y}",
        model_portfolio=model,
        amount=AMOUNT,
        closes={asset_id: known.close for asset_id, known in latest.items()},
        at=datetime.combine(bought_on, CLOSE, tzinfo=UTC),
    )
    with localcontext(prec=60):
        _record_since(portfolio, closes, bought_on)
    if notes:
        portfolio.notes = notes
        portfolio.save(update_fields=["notes"])
    return portfolio


def _record_since(portfolio: Portfolio, closes: pd.DataFrame, bought_on: date) -> None:
    """A little of what happens: rewards of something that pays them, and a small sale."""
    held = list(portfolio.holdings.select_related("asset").order_by("-quantity"))
    days = closes.index[list(closes.index).index(bought_on) + 1 :]
    entries = []
    paying = next((each for each in held if each.asset.assumed_yield), None)
    if paying is not None and paying.asset.assumed_yield:
        reward = (paying.quantity * paying.asset.assumed_yield / 12).quantize(SMALLEST)
        entries += [
            Transaction(
                kind=Transaction.Kind.INCOME,
                at=datetime.combine(day, CLOSE, tzinfo=UTC),
                received_asset=paying.asset,
                received_quantity=reward,
                note="Staking rewards of the month",
            )
            for day in days
            if day.day == 1 and reward
        ]
    entries += _sale(held, closes, days[len(days) * 2 // 3])
    transactions.add_many(portfolio=portfolio, entries=entries, now=timezone.now())


def _sale(held: Sequence[Holding], closes: pd.DataFrame, day: date) -> list[Transaction]:
    """A twentieth of what was worth most on that day, sold at its close."""
    close = closes.loc[day].to_dict()
    dollar = currencies.dollar()
    sold = max(held, key=lambda each: float(each.quantity) * close.get(each.asset_id, 0.0))
    if dollar is None or sold.asset.kind != Asset.Kind.COIN:
        return []
    quantity = (sold.quantity / 20).quantize(SMALLEST)
    got = (quantity * Decimal(str(close[sold.asset_id]))).quantize(CENT)
    return [
        Transaction(
            kind=Transaction.Kind.SELL,
            at=datetime.combine(day, CLOSE, tzinfo=UTC),
            sent_asset=sold.asset,
            sent_quantity=quantity,
            received_asset=dollar,
            received_quantity=got,
            fee_asset=dollar,
            fee_quantity=(got * FEE).quantize(CENT),
            note="For a holiday",
        )
    ]


def known_closes(*, as_of: date) -> pd.DataFrame:
    """Closes by day and asset id; where a file has ended, its last close, as everywhere else."""
    panel = prices.close_panel(end=as_of, days=MAX_AGE_DAYS + 1)
    before = prices.latest_closes(as_of=panel.index[0])
    panel = panel.reindex(columns=sorted({*panel.columns, *before}))
    panel.iloc[0] = panel.iloc[0].fillna(
        pd.Series({pk: known.close for pk, known in before.items()})
    )
    return panel.ffill()


def _purchase_day(model: ModelPortfolio, panel: pd.DataFrame) -> date | None:
    """The latest day, three months ago or more, from which the model has drifted clearly by now.

    Without such a day, the one from which it has drifted most; None when it could not be bought.
    """
    try:
        drift = _worst_drift(model, panel).iloc[:-MIN_AGE_DAYS].dropna()
    except SlotError:
        return None
    if drift.empty:
        return None
    clear = drift[drift > CLEAR_DRIFT]
    return cast(date, clear.index[-1] if len(clear) else drift.idxmax())


def _worst_drift(model: ModelPortfolio, panel: pd.DataFrame) -> pd.Series:
    """The model's largest drift by now, by day of purchase; NaN where it could not be bought."""
    today = cast(dict[int, float], panel.iloc[-1].dropna().to_dict())
    targets = portfolios.fill_slots(model_portfolio=model, slots={}, closes=today)
    weights = pd.Series({asset.pk: float(weight) for asset, weight in targets.items()})
    grown = weights * panel.iloc[-1].reindex(weights.index) / panel.reindex(columns=weights.index)
    drift = grown.div(grown.sum(axis=1, skipna=False), axis=0) - weights
    return drift.abs().max(axis=1, skipna=False)
