"""A demonstration: one person with the three model portfolios, bought some months ago."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User
from portfolios.models import ModelPortfolio
from portfolios.selectors import prices
from portfolios.services import portfolios

EMAIL = "demo@example.org"
ADMIN_EMAIL = "admin@example.org"
PASSWORD = "on-an-even-keel"  # of a machine of your own, reachable from nowhere else
AMOUNT = Decimal(25_000)
MIN_AGE_DAYS, MAX_AGE_DAYS = 90, 360
CLEAR_DRIFT = 0.11  # beyond the wide band, whatever the regime


@dataclass(frozen=True)
class Demo:
    bought_on: date
    portfolios: int


@transaction.atomic
def prepare(*, as_of: date) -> Demo | None:
    """Make the demonstration's people and portfolios; None when they are there already."""
    owner = _person(EMAIL)
    _person(ADMIN_EMAIL, is_staff=True, is_superuser=True)
    if owner.portfolios.exists():
        return None
    models = list(ModelPortfolio.objects.all())
    bought_on = _purchase_day(models, as_of=as_of)
    closes = {pk: latest.close for pk, latest in prices.latest_closes(as_of=bought_on).items()}
    for model in models:
        portfolios.create_from_model(
            owner=owner, name=model.name, model_portfolio=model, amount=AMOUNT, closes=closes
        )
    return Demo(bought_on=bought_on, portfolios=len(models))


def _person(email: str, **fields: bool) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, **fields)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _purchase_day(models: list[ModelPortfolio], *, as_of: date) -> date:
    """The latest day, three months ago or more, from which every model has drifted clearly.

    Without such a day, the one from which the least drifted model has drifted most.
    """
    panel = prices.close_panel(end=as_of, days=MAX_AGE_DAYS + 1)
    drifts = pd.concat([_worst_drift(model, panel) for model in models], axis=1)
    least = drifts.min(axis=1, skipna=False).iloc[:-MIN_AGE_DAYS].dropna()
    if least.empty:
        return as_of - timedelta(days=MIN_AGE_DAYS)
    clear = least[least > CLEAR_DRIFT]
    day: date = clear.index[-1] if len(clear) else least.idxmax()
    return day


def _worst_drift(model: ModelPortfolio, panel: pd.DataFrame) -> pd.Series:
    """The model's largest drift by now, for each day it might have been bought; NaN if it could not."""
    today = panel.iloc[-1].dropna().to_dict()
    targets = portfolios.fill_slots(model_portfolio=model, slots={}, closes=today)
    weights = pd.Series({asset.pk: float(weight) for asset, weight in targets.items()})
    grown = weights * panel.iloc[-1].reindex(weights.index) / panel.reindex(columns=weights.index)
    drift = grown.div(grown.sum(axis=1, skipna=False), axis=0) - weights
    return drift.abs().max(axis=1, skipna=False)
