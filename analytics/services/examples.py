"""Portfolios to learn from: a model that was bought some months ago and has drifted since."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import cast

import pandas as pd

from accounts.models import User
from portfolios.models import ModelPortfolio, Portfolio
from portfolios.selectors import prices
from portfolios.services import portfolios
from portfolios.services.errors import SlotError

AMOUNT = Decimal(25_000)
CLOSE = time(23, 59, 59)  # the last moment that belongs to a day
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
    if notes:
        portfolio.notes = notes
        portfolio.save(update_fields=["notes"])
    return portfolio


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
