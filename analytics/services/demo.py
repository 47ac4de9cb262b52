"""A demonstration: one person with the three model portfolios, bought some months ago."""

from datetime import date

import structlog
from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User
from analytics.services import examples
from portfolios.models import ModelPortfolio

EMAIL = "demo@example.org"
ADMIN_EMAIL = "admin@example.org"
PASSWORD = "on-an-even-keel"  # of a machine of your own, reachable from nowhere else
logger = structlog.get_logger(__name__)


@transaction.atomic
def prepare(*, as_of: date) -> None:
    """Make the demonstration's people and portfolios, unless they are there already."""
    owner = _person(EMAIL)
    _person(ADMIN_EMAIL, is_staff=True, is_superuser=True)
    if owner.portfolios.exists():
        return
    closes = examples.known_closes(as_of=as_of)
    for model in ModelPortfolio.objects.all():
        if examples.open_drifted(owner=owner, model=model, closes=closes) is None:
            logger.warning("model left out: the data have no prices for it", model=model.name)


def _person(email: str, **fields: bool) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, PASSWORD, **fields)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user
