"""Begin, answer and finish a quarterly review; remind of one that is due."""

from datetime import date, datetime

from django.db import connection, transaction
from django.urls import reverse

from accounts.services import notifications
from analytics.models import QuarterlyReview
from analytics.selectors import quarterly_reviews as selector
from analytics.selectors.portfolio_pages import Reading
from portfolios.models import Portfolio

LONGEST_NOTE = 1000
# Portfolios that hold something and were last reviewed, or made, a quarter ago or longer.
REMIND = """
    INSERT INTO accounts_notification
        (user_id, key, kind, subject, body, link, is_for_mail, is_for_webhooks)
    SELECT owner.id, format('review:%%s:%%s', portfolio.id, (due.since AT TIME ZONE 'UTC')::date),
           'review',
           left(format('A review of %%s is due', regexp_replace(portfolio.name, '\\s+', ' ', 'g')),
                %(longest)s),
           %(body)s, %(before)s || portfolio.id || %(after)s,
           owner.alert_preference <> 'none' AND NOT 'review' = ANY(owner.muted_kinds),
           owner.id IN (SELECT user_id FROM accounts_webhook WHERE state = 'active')
    FROM portfolios_portfolio AS portfolio
    JOIN accounts_user AS owner ON owner.id = portfolio.owner_id
    CROSS JOIN LATERAL (
        SELECT coalesce(max(finished_at), portfolio.created_at) AS since
        FROM analytics_quarterlyreview WHERE portfolio_id = portfolio.id
    ) AS due
    WHERE owner.is_active AND owner.guest_since IS NULL
      AND portfolio.archived_at IS NULL AND portfolio.deleted_at IS NULL
      AND (due.since AT TIME ZONE 'UTC')::date <= %(last_day)s
      AND EXISTS (SELECT FROM portfolios_holding AS holding
                  WHERE holding.portfolio_id = portfolio.id AND holding.quantity > 0)
    ON CONFLICT (user_id, key) DO NOTHING
"""


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
def answer(*, review: QuarterlyReview, question: str, changes: bool, note: str) -> bool:
    """Keep what its owner concluded; whether it was kept. A finished review stays as it is."""
    locked = QuarterlyReview.objects.select_for_update().get(pk=review.pk)
    if locked.finished_at:
        return False
    locked.conclusions[question] = {"changes": changes, "note": note}
    locked.save(update_fields=["conclusions"])
    return True


def finish(*, review: QuarterlyReview, now: datetime) -> bool:
    """Make it a document once every question is answered; whether it is one. Idempotent."""
    review.refresh_from_db()
    if set(selector.KEYS) <= set(review.conclusions):
        QuarterlyReview.objects.filter(pk=review.pk, finished_at=None).update(finished_at=now)
        return True
    return False


def remind(*, today: date) -> int:
    """Tell owners that a review is due, once after each that was finished; how many were told.

    Idempotent: one INSERT … SELECT, however many people it concerns.
    """
    # The path of this page of any portfolio, in two parts around its number.
    before, after = reverse("analytics:quarterly-reviews", args=[0]).rsplit("0", 1)
    with connection.cursor() as cursor:
        cursor.execute(
            REMIND,
            {
                "last_day": today - selector.EVERY,
                "body": "Five questions, with the figures of the last close. The last one was a "
                "quarter ago or longer.",
                "before": before,
                "after": after,
                "longest": notifications.LONGEST_SUBJECT,
            },
        )
        return int(cursor.rowcount)
