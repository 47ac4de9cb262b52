"""The moment a night becomes visible: results, episodes, alerts and mail, all or nothing."""

from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.db.models.functions import Now

from accounts.models import AlertPreference, User
from accounts.services import outbox
from analytics.models import NightlyRun, PortfolioResult, RunChunk, Suggestion
from analytics.selectors import digests

# An episode closes after this many nights below this share of the band (METHODS.md).
CALM_NIGHTS = 2
CALM_SHARE_OF_BAND = 0.8
# More portfolios than this failing means the night itself is wrong (OPERATIONS.md).
MAX_QUARANTINED = 5
MAX_QUARANTINED_SHARE = 0.001

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
OPEN_ALERTS = """
    INSERT INTO analytics_alertevent (portfolio_id, episode_id, kind, run_id, revision)
    SELECT result.portfolio_id, episode.id, 'drift', result.run_id, result.revision
    FROM analytics_portfolioresult AS result
    JOIN analytics_breachepisode AS episode
      ON episode.portfolio_id = result.portfolio_id AND episode.closed_on IS NULL
    WHERE result.run_id = %(run)s AND result.status = 'in_breach'
    ON CONFLICT (portfolio_id, episode_id, kind) DO NOTHING
"""
QUEUE_MAIL = """
    INSERT INTO accounts_outgoingemail
        (dedupe_key, user_id, recipient, kind, reference, message_id, subject, text, html,
         headers, state, attempt, last_error)
    SELECT format('drift:%%s:%%s', alert.portfolio_id, alert.episode_id), owner.id, owner.email,
           'drift_alert', alert.id, '', '', '', '', '{}', 'pending', 0, ''
    FROM analytics_alertevent AS alert
    JOIN portfolios_portfolio AS portfolio ON portfolio.id = alert.portfolio_id
    JOIN accounts_user AS owner ON owner.id = portfolio.owner_id
    WHERE alert.run_id = %(run)s AND alert.kind = 'drift' AND owner.is_active
      AND owner.alert_preference = 'each'
      AND portfolio.archived_at IS NULL AND portfolio.deleted_at IS NULL
    ON CONFLICT (dedupe_key) DO NOTHING
"""
QUEUE_DIGESTS = """
    INSERT INTO accounts_outgoingemail
        (dedupe_key, user_id, recipient, kind, reference, message_id, subject, text, html,
         headers, state, attempt, last_error)
    SELECT format('digest:%%s:%%s-%%s', owner.id, %(preference)s, %(last)s::date), owner.id,
           owner.email, %(preference)s || '_digest', %(run)s, '', '', '', '', '{}', 'pending', 0, ''
    FROM accounts_user AS owner
    WHERE owner.is_active AND owner.alert_preference = %(preference)s AND EXISTS (
        SELECT FROM analytics_alertevent AS alert
        JOIN analytics_nightlyrun AS night ON night.id = alert.run_id
        JOIN portfolios_portfolio AS portfolio ON portfolio.id = alert.portfolio_id
        WHERE portfolio.owner_id = owner.id AND alert.kind = 'drift'
          AND night.as_of BETWEEN %(first)s AND %(last)s
          AND portfolio.archived_at IS NULL AND portfolio.deleted_at IS NULL)
    ON CONFLICT (dedupe_key) DO NOTHING
"""


@transaction.atomic
def publish(*, run: NightlyRun) -> NightlyRun:
    """Make the run current, open episodes and alerts, and put their mail into the outbox.

    Idempotent: a published run stays as it is. A night older than the current one is stored
    but neither becomes current nor writes to anybody. With too many portfolios at fault the
    night is withheld, and readers keep the previous one.
    """
    run = NightlyRun.objects.select_for_update().get(pk=run.pk)
    if run.state != NightlyRun.State.PLANNED:
        return run
    if problem := _too_many_failures(run):
        run.state, run.problem = NightlyRun.State.WITHHELD, problem
        run.save(update_fields=["state", "problem"])
        _tell_staff(run)
        return run
    results = PortfolioResult.objects.filter(run=run)
    run.portfolios = results.count()
    run.in_breach = results.filter(status=PortfolioResult.Status.IN_BREACH).count()
    run.suggestions = Suggestion.objects.filter(run=run).count()
    run.emails_queued = 0
    run.state = NightlyRun.State.PUBLISHED
    if not NightlyRun.objects.filter(is_current=True, as_of__gt=run.as_of).exists():
        NightlyRun.objects.filter(is_current=True).update(is_current=False)
        run.is_current = True
        run.emails_queued = _alert(run)
    run.problem = ""
    run.save()
    NightlyRun.objects.filter(pk=run.pk).update(published_at=Now())
    return run


def _alert(run: NightlyRun) -> int:
    """Advance the breach episodes; the number of messages put into the outbox."""
    night: dict[str, Any] = {"run": run.pk, "as_of": run.as_of}
    calm = {"nights": CALM_NIGHTS, "share": CALM_SHARE_OF_BAND}
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_CALM, night | calm)
        cursor.execute(OPEN_EPISODES, night)
        cursor.execute(OPEN_ALERTS, night)
        cursor.execute(QUEUE_MAIL, night)
        queued = cursor.rowcount
        for preference in (AlertPreference.DAILY, AlertPreference.WEEKLY):
            days = digests.days(preference, as_of=run.as_of)
            period = {"preference": preference, "first": days.first, "last": days.last}
            cursor.execute(QUEUE_DIGESTS, night | period)
            queued += cursor.rowcount
        return int(queued)


def _tell_staff(run: NightlyRun) -> None:
    for member in User.objects.filter(is_staff=True, is_active=True):
        outbox.enqueue(
            dedupe_key=f"withheld:{run.pk}:{member.pk}",
            recipient=member.email,
            kind="staff",
            subject=f"{run} was withheld",
            text=f"{run} was not published: {run.problem} Readers keep the previous night.\n\n"
            f"Its chunks say what failed: {settings.SITE_URL}/admin/analytics/nightlyrun/\n",
            user=member,
        )


def _too_many_failures(run: NightlyRun) -> str:
    chunks = RunChunk.objects.filter(run=run)
    total = chunks.aggregate(total=Sum("portfolios"))["total"] or 0
    quarantined = chunks.filter(state=RunChunk.State.QUARANTINED).count()
    allowed = max(MAX_QUARANTINED, MAX_QUARANTINED_SHARE * total)
    if quarantined <= allowed:
        return ""
    return (
        f"{quarantined} of {total} portfolios could not be computed, "
        f"and at most {allowed:.0f} may fail."
    )
