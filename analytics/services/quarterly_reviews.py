"""Begin, answer and finish a quarterly review; remind of one that is due."""

from datetime import date, datetime

from django.db import transaction
from django.urls import reverse

from accounts.models import Kind
from accounts.services import notifications
from analytics.models import QuarterlyReview
from analytics.selectors import quarterly_reviews as selector
from analytics.selectors.portfolio_pages import Reading
from portfolios.models import Portfolio


@transaction.atomic
def begin(*, portfolio: Portfolio, reading: Reading) -> QuarterlyReview:
    """The portfolio's unfinished review, begun with the figures of this close if there is none.

    Idempotent.
    """
    Portfolio.objects.select_for_update().get(pk=portfolio.pk)
    begun = selector.unfinished(portfolio)
    return begun or QuarterlyReview.objects.create(
        portfolio=portfolio,
        as_of=reading.run.as_of,
        figures=selector.figures(portfolio, reading),
    )


@transaction.atomic
def answer(*, review: QuarterlyReview, question: str, changes: bool, note: str) -> None:
    """Keep what its owner concluded. A finished review stays as it is."""
    locked = QuarterlyReview.objects.select_for_update().get(pk=review.pk)
    if locked.finished_at is None:
        locked.conclusions[question] = {"changes": changes, "note": note}
        locked.save(update_fields=["conclusions"])


def finish(*, review: QuarterlyReview, now: datetime) -> bool:
    """Make it a document once every question is answered; whether it is one. Idempotent."""
    review.refresh_from_db()
    if set(selector.KEYS) <= set(review.conclusions):
        QuarterlyReview.objects.filter(pk=review.pk, finished_at=None).update(finished_at=now)
        return True
    return False


def remind(*, today: date) -> int:
    """Tell owners once that a review is due; of how many portfolios. Idempotent by last review."""
    told = 0
    for portfolio in selector.due(today=today).distinct().iterator():
        notifications.notify(
            user=portfolio.owner,
            kind=Kind.REVIEW,
            subject=f"A review of {portfolio.name} is due",
            body="Five questions, with the figures of the last close. The last one was a quarter "
            "ago or longer.",
            link=reverse("analytics:quarterly-reviews", args=[portfolio.pk]),
            key=f"review:{portfolio.pk}:{portfolio.last_review:%Y-%m-%d}",  # type: ignore[attr-defined]
        )
        told += 1
    return told
