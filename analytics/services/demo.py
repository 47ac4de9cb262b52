"""A demonstration: one person with the three model portfolios, bought some months ago."""

from datetime import date
from decimal import Decimal
from typing import cast

import pandas as pd
import structlog
from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User
from portfolios.models import ModelPortfolio
from portfolios.selectors import prices
from portfolios.services import portfolios
from portfolios.services.errors import SlotError

EMAIL = "demo@example.org"
ADMIN_EMAIL = "admin@example.org"
PASSWORD = "on-an-even-keel"  # of a machine of your own, reachable from nowhere else
AMOUNT = Decimal(25_000)
MIN_AGE_DAYS, MAX_AGE_DAYS = 90, 540
logger = structlog.get_logger(__name__)
CLEAR_DRIFT = 0.11  # beyond the wide band, whatever the regime


@transaction.atomic
def prepare(*, as_of: date) -> None:
    """Make the demonstration's people and portfolios, unless they are there already."""
    owner = _person(EMAIL)
    _person(ADMIN_EMAIL, is_staff=True, is_superuser=True)
    if owner.portfolios.exists():
        return
    panel = _known_closes(as_of)
    for model in ModelPortfolio.objects.all():
        bought_on = _purchase_day(model, panel)
        if bought_on is None:
            logger.warning("model left out: the data have no prices for it", model=model.name)
            continue
        closes = {pk: latest.close for pk, latest in prices.latest_closes(as_of=bought_on).items()}
        portfolios.create_from_model(
            owner=owner,
            name=f"{model.name} since {bought_on:%B %Y}",
            model_portfolio=model,
            amount=AMOUNT,
            closes=closes,
        )


def _person(email: str, **fields: bool) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, **fields)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _known_closes(as_of: date) -> pd.DataFrame:
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
