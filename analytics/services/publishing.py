"""The moment a night becomes visible: results, episodes, alerts and mail, all or nothing."""

from datetime import date, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Now

from accounts.services import letters
from analytics.models import NightlyRun, PortfolioResult, RunChunk, Suggestion
from analytics.services import news, runs, staff_alerts, suggestions

logger = structlog.get_logger(__name__)
# An episode closes after this many nights below this share of the band (METHODS.md).
CALM_NIGHTS = 2
CALM_SHARE_OF_BAND = 0.8
# A portfolio that swings in and out of its bands is written about this seldom: a new episode waits
# so long after the letter of another one, and the first night on which it still holds writes.
COOLDOWN_DAYS = 3
# More portfolios than this failing means the night itself is wrong (OPERATIONS.md).
MAX_QUARANTINED = 5
MAX_QUARANTINED_SHARE = 0.001
# PostgreSQL knows nothing yet of rows that have just come, and plans for a handful. A small sample
# is enough.
KNOW = """
    SET LOCAL default_statistics_target = 10;
    ANALYZE (SKIP_LOCKED) analytics_portfolioresult (run_id), analytics_suggestion (run_id)
"""

# An episode remembers what was said, and to a guest nothing is. So the first night after signing
# up takes a guest's portfolio for a new one: if it is in breach, there is a letter.
OPEN_EPISODES = """
    INSERT INTO analytics_breachepisode (portfolio_id, opened_on)
    SELECT portfolio_id, %(as_of)s FROM analytics_portfolioresult AS result
    WHERE run_id = %(run)s AND status = 'in_breach' AND NOT EXISTS (
        SELECT FROM portfolios_portfolio AS portfolio
        JOIN accounts_user AS owner ON owner.id = portfolio.owner_id
        WHERE portfolio.id = result.portfolio_id AND owner.guest_since IS NOT NULL)
    ON CONFLICT (portfolio_id) WHERE closed_on IS NULL DO NOTHING
"""
# An unpriced portfolio says nothing about calm: its episode waits.
UPDATE_CALM = """
    UPDATE analytics_breachepisode AS episode
    SET calm_nights = CASE WHEN night.calm THEN calm_nights + 1 ELSE 0 END,
        closed_on = CASE WHEN night.calm AND calm_nights + 1 >= %(nights)s THEN %(as_of)s::date END
    FROM (SELECT portfolio_id, worst_drift < %(share)s * band AS calm
          FROM analytics_portfolioresult
          WHERE run_id = %(run)s AND status <> 'unpriced') AS night
    WHERE night.portfolio_id = episode.portfolio_id AND episode.closed_on IS NULL
"""
# What is not worth its cost, or was put aside, is not written about: the page says it, and the
# first night on which acting pays writes. What left its bands on a silent night counts to that
# day; else to this one.
OPEN_ALERTS = """
    INSERT INTO analytics_alertevent
        (portfolio_id, episode_id, kind, number, run_id, revision, departed_on)
    SELECT result.portfolio_id, episode.id, 'drift', life.letter, result.run_id, result.revision,
           CASE WHEN episode.opened_on >= %(since)s THEN episode.opened_on ELSE %(as_of)s END
    FROM analytics_portfolioresult AS result
    JOIN analytics_breachepisode AS episode
      ON episode.portfolio_id = result.portfolio_id AND episode.closed_on IS NULL
    JOIN analytics_suggestion AS suggestion
      ON suggestion.run_id = result.run_id AND suggestion.portfolio_id = result.portfolio_id
      AND suggestion.revision = result.revision AND suggestion.answer <> ALL(%(quiet)s)
    JOIN analytics_suggestionlife AS life
      ON life.portfolio_id = result.portfolio_id AND life.ended_on IS NULL AND life.state = 'open'
      AND life.due_on IS NULL
    WHERE result.run_id = %(run)s AND result.status = 'in_breach' AND NOT EXISTS (
        SELECT FROM analytics_alertevent AS earlier
        JOIN analytics_nightlyrun AS night ON night.id = earlier.run_id
        WHERE earlier.portfolio_id = result.portfolio_id AND earlier.kind = 'drift'
          AND earlier.episode_id <> episode.id AND night.as_of > %(as_of)s::date - %(cooldown)s)
    ON CONFLICT (portfolio_id, episode_id, kind, number) DO NOTHING
"""
# By a calendar a day has one letter, in its breach or not.
OPEN_DUE_ALERTS = """
    INSERT INTO analytics_alertevent
        (portfolio_id, due_on, kind, number, run_id, revision, departed_on)
    SELECT suggestion.portfolio_id, life.due_on, 'due', life.letter, suggestion.run_id,
           suggestion.revision, %(as_of)s
    FROM analytics_suggestion AS suggestion
    JOIN analytics_suggestionlife AS life
      ON life.portfolio_id = suggestion.portfolio_id AND life.ended_on IS NULL
      AND life.state = 'open' AND life.due_on IS NOT NULL
    JOIN portfolios_portfolio AS portfolio ON portfolio.id = suggestion.portfolio_id
    JOIN accounts_user AS owner ON owner.id = portfolio.owner_id AND owner.guest_since IS NULL
    WHERE suggestion.run_id = %(run)s AND suggestion.answer <> ALL(%(quiet)s)
    ON CONFLICT (portfolio_id, due_on, number) DO NOTHING
"""
# What was never written about has nothing to take back.
CLOSE_ALERTS = """
    INSERT INTO analytics_alertevent
        (portfolio_id, episode_id, kind, run_id, revision, departed_on)
    SELECT result.portfolio_id, episode.id, 'closed', result.run_id, result.revision,
           episode.closed_on
    FROM analytics_portfolioresult AS result
    JOIN analytics_breachepisode AS episode
      ON episode.portfolio_id = result.portfolio_id AND episode.closed_on >= %(since)s
    WHERE result.run_id = %(run)s AND result.status <> 'in_breach' AND EXISTS (
        SELECT FROM analytics_alertevent AS alert
        WHERE alert.episode_id = episode.id AND alert.kind = 'drift')
    ON CONFLICT DO NOTHING
"""
# Each alert is one item for its portfolio's owner; its words are written when it is first read.
TELL = """
    INSERT INTO accounts_notification
        (user_id, key, kind, reference, subject, body, link, is_for_mail, is_for_webhooks)
    SELECT owner.id, format('alert:%%s', alert.id), news.kind, alert.id, '', '', '',
           owner.alert_preference <> 'none' AND NOT news.kind = ANY(owner.muted_kinds),
           owner.id IN (SELECT user_id FROM accounts_webhook WHERE state = 'active')
    FROM analytics_alertevent AS alert
    JOIN portfolios_portfolio AS portfolio ON portfolio.id = alert.portfolio_id
    JOIN accounts_user AS owner ON owner.id = portfolio.owner_id
    CROSS JOIN LATERAL (
        SELECT CASE alert.kind WHEN 'closed' THEN 'balance' ELSE 'drift' END AS kind) AS news
    WHERE alert.run_id = %(run)s AND owner.is_active
      AND portfolio.archived_at IS NULL AND portfolio.deleted_at IS NULL
    ON CONFLICT (user_id, key) DO NOTHING
"""


@transaction.atomic
def publish(*, run: NightlyRun) -> NightlyRun:
    """Make the run current, advance episodes, and put alerts and their mail into the outbox.

    Idempotent: a published run stays as it is. A night older than the current one is stored
    but neither becomes current nor writes to anybody. One that a newer night is waiting for
    becomes current and advances the episodes, and leaves the letters to the newer one. With too
    many portfolios at fault the night is withheld, and readers keep the previous one.
    """
    run = NightlyRun.objects.select_for_update().get(pk=run.pk)
    if run.state != NightlyRun.State.PLANNED:
        return run
    quarantined = RunChunk.objects.filter(run=run, state=RunChunk.State.QUARANTINED).count()
    if problem := _too_many_failures(run, quarantined):
        _end(run, NightlyRun.State.WITHHELD, problem=problem)
        staff_alerts.withheld(run, problem=problem)
        return run
    current = NightlyRun.objects.filter(is_current=True).first()
    if current and current.as_of > run.as_of:
        return _end(run, NightlyRun.State.PUBLISHED, **_counts(run))
    NightlyRun.objects.filter(is_current=True).update(is_current=False)
    run.letters_since = _first_day_not_written_about(current) or run.as_of
    run.is_silent = runs.is_waited_for(run)
    _end(
        run,
        NightlyRun.State.PUBLISHED,
        **_counts(run) | {"emails_queued": _alert(run)},
        is_current=True,
        is_silent=run.is_silent,
        letters_since=run.letters_since,
    )
    if quarantined:
        staff_alerts.partial(run, quarantined=quarantined)
    return run


def _end(run: NightlyRun, state: NightlyRun.State, **figures: Any) -> NightlyRun:
    if state == NightlyRun.State.PUBLISHED:
        figures |= {"problem": "", "published_at": Now()}
    runs.enter(run_id=run.pk, state=state, after=[NightlyRun.State.PLANNED], **figures)
    run.refresh_from_db()
    logger.info("night ended", state=run.state, portfolios=run.portfolios, problem=run.problem)
    return run


def _counts(run: NightlyRun) -> dict[str, int]:
    results = PortfolioResult.objects.filter(run=run)
    return {
        "portfolios": results.count(),
        "in_breach": results.filter(status=PortfolioResult.Status.IN_BREACH).count(),
        "suggestions": Suggestion.objects.filter(run=run).count(),
        "emails_queued": 0,
    }


def _first_day_not_written_about(before: NightlyRun | None) -> date | None:
    """What the night that is current so far left to write about, or the day after it."""
    if before is None:
        return None
    return before.letters_since if before.is_silent else before.as_of + timedelta(days=1)


def _alert(run: NightlyRun) -> int:
    """Advance the breach episodes, and tell their owners; the number of letters begun."""
    night: dict[str, Any] = {"run": run.pk, "as_of": run.as_of, "since": run.letters_since}
    night["quiet"] = [*Suggestion.QUIET]
    night["cooldown"] = COOLDOWN_DAYS
    calm = {"nights": CALM_NIGHTS, "share": CALM_SHARE_OF_BAND}
    with connection.cursor() as cursor:
        if RunChunk.objects.filter(run=run).count() > 1:
            cursor.execute(KNOW)
        cursor.execute(UPDATE_CALM, night | calm)
        cursor.execute(OPEN_EPISODES, night)
        suggestions.advance(run=run)
        if run.is_silent:
            return 0
        cursor.execute(OPEN_ALERTS, night)
        cursor.execute(OPEN_DUE_ALERTS, night)
        cursor.execute(CLOSE_ALERTS, night)
        cursor.execute(TELL, night)
    news.tell(run=run)
    return letters.queue()


def _too_many_failures(run: NightlyRun, quarantined: int) -> str:
    total = RunChunk.objects.filter(run=run).aggregate(total=Sum("portfolios"))["total"] or 0
    allowed = max(MAX_QUARANTINED, MAX_QUARANTINED_SHARE * total)
    if quarantined <= allowed:
        return ""
    return (
        f"{quarantined} of {total} portfolios could not be computed, "
        f"and at most {allowed:.0f} may fail."
    )
