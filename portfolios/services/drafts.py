"""A portfolio in the making: each step's answers are kept as they are given."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from portfolios.models import Asset, Portfolio, PortfolioDraft, RiskProfile, TargetWeight
from portfolios.services import portfolios, target_versions, targets
from portfolios.services.errors import PortfolioError
from portfolios.services.targets import Aim

Answers = dict[str, Any]


class NothingDraftedError(PortfolioError):
    """There are no answers to make a portfolio of, or they have become one already."""


def answers(owner: User) -> Answers:
    """What has been answered so far, by step."""
    draft = PortfolioDraft.objects.filter(owner=owner).first()
    return dict(draft.answers) if draft else {}


@transaction.atomic
def keep(*, owner: User, step: str, answer: Mapping[str, Any]) -> None:
    """Keep the answer of one step, those of the others as they are. Idempotent."""
    draft, _ = PortfolioDraft.objects.select_for_update().get_or_create(owner=owner)
    draft.answers = draft.answers | {step: dict(answer)}
    draft.save()


def discard(*, owner: User) -> None:
    """Forget all answers. Idempotent."""
    PortfolioDraft.objects.filter(owner=owner).delete()


@transaction.atomic
def finish(
    *, owner: User, name: str, profile: RiskProfile, weights: Mapping[Asset, Decimal]
) -> Portfolio:
    """Open a portfolio with these targets, as its first version, and forget the draft.

    Raises NothingDraftedError, TargetsError, SandboxFullError; then nothing is made,
    and the draft stays.
    """
    aims: dict[Aim, Decimal] = dict(weights.items())
    targets.check_weights(aims)
    forgotten, _ = PortfolioDraft.objects.filter(owner=owner).delete()
    if not forgotten:
        raise NothingDraftedError(
            "These answers have become a portfolio already: it is in your list. "
            "Begin again for another."
        )
    portfolio = portfolios.create(owner=owner, name=name, profile=profile)
    TargetWeight.objects.bulk_create(targets.rows(portfolio=portfolio, weights=aims))
    target_versions.keep(portfolio, aims, name="From the wizard")
    return portfolio
