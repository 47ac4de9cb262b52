"""The life of a suggestion: open until done, dismissed or snoozed, or another takes its place.

What makes a suggestion of tonight another one, and not the same one renewed, stands at
SuggestionLife. The night advances all lives at once; people, and links in letters, one at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from analytics.models import (
    BreachEpisode,
    NightlyRun,
    PortfolioResult,
    Suggestion,
    SuggestionLife,
)
from analytics.selectors import regimes
from analytics.services import cadences
from portfolios.models import Asset, Portfolio, Transaction
from portfolios.models.assets import DOLLAR
from portfolios.services import holdings, transactions
from portfolios.services.quantities import SMALLEST

State = SuggestionLife.State
LONGEST_SNOOZE = timedelta(days=365)

# What calls for action tonight, and how many whole bands its worst position is off.
CALLED = """
    WITH called AS (
        SELECT suggestion.portfolio_id, suggestion.run_id, suggestion.revision,
               floor(result.worst_drift / result.band)::int AS level, episode.id AS episode_id,
               CASE portfolio.cadence WHEN 'monthly' THEN %(monthly)s
                    WHEN 'adaptive' THEN %(adaptive)s WHEN 'quarterly' THEN %(quarterly)s
               END::date AS due_on
        FROM analytics_suggestion AS suggestion
        JOIN analytics_portfolioresult AS result
          ON result.run_id = suggestion.run_id AND result.portfolio_id = suggestion.portfolio_id
          AND result.revision = suggestion.revision
        JOIN portfolios_portfolio AS portfolio ON portfolio.id = suggestion.portfolio_id
        LEFT JOIN analytics_breachepisode AS episode
          ON episode.portfolio_id = suggestion.portfolio_id AND episode.closed_on IS NULL
        WHERE suggestion.run_id = %(run)s AND suggestion.answer <> ALL(%(quiet)s)
    )
"""
# What was taken up before its episode was opened, by day or by a guest, belongs to it now.
ADOPT = """
    UPDATE analytics_suggestionlife AS life SET episode_id = episode.id
    FROM analytics_breachepisode AS episode
    WHERE episode.portfolio_id = life.portfolio_id AND episode.closed_on IS NULL
      AND life.episode_id IS NULL AND life.ended_on IS NULL AND life.due_on IS NULL
"""
# What somebody said of it stays; only what is still open is superseded.
ENDED = """
    SET ended_on = %(as_of)s,
        state = CASE state WHEN 'open' THEN 'superseded' ELSE state END,
        state_at = CASE state WHEN 'open' THEN now() ELSE state_at END
"""
END = f"""
    UPDATE analytics_suggestionlife AS life {ENDED}
    FROM analytics_portfolioresult AS result
    WHERE result.run_id = %(run)s AND result.portfolio_id = life.portfolio_id
      AND life.ended_on IS NULL AND result.status <> 'unpriced'
      AND CASE WHEN life.due_on IS NULL THEN
          NOT EXISTS (SELECT FROM analytics_breachepisode AS episode
                      WHERE episode.portfolio_id = life.portfolio_id AND closed_on IS NULL)
          AND NOT EXISTS (SELECT FROM analytics_suggestion AS suggestion
                          WHERE suggestion.run_id = %(run)s
                            AND suggestion.portfolio_id = life.portfolio_id)
          ELSE life.due_on <= %(as_of)s::date - %(due_days)s END
"""
SUPERSEDE = f"""
    {CALLED}
    UPDATE analytics_suggestionlife AS life {ENDED}
    FROM called
    WHERE called.portfolio_id = life.portfolio_id AND life.ended_on IS NULL
      AND CASE WHEN called.due_on IS NULL AND life.due_on IS NULL THEN
          called.level > life.level OR called.episode_id IS DISTINCT FROM life.episode_id
          OR life.state = 'done' AND called.revision <> life.revision
          ELSE called.due_on IS DISTINCT FROM life.due_on END
"""
# The night of a day runs early on the next one.
WAKE = """
    UPDATE analytics_suggestionlife
    SET state = 'open', state_at = now(), state_by_id = NULL, snoozed_until = NULL,
        letter = letter + 1
    WHERE state = 'snoozed' AND ended_on IS NULL AND snoozed_until <= %(as_of)s::date + 1
"""
# After trades were recorded what is left to do is no news: it has no letter of its own. Letters of
# an episode are counted up, so the latest number is the largest.
OPEN = f"""
    {CALLED}
    INSERT INTO analytics_suggestionlife
        (portfolio_id, run_id, revision, episode_id, due_on, level, letter)
    SELECT portfolio_id, run_id, revision,
           CASE WHEN due_on IS NULL THEN episode_id END, due_on, level, coalesce((
        SELECT max(previous.letter + (previous.state <> 'done')::int)
        FROM analytics_suggestionlife AS previous
        WHERE previous.episode_id = called.episode_id AND called.due_on IS NULL), 1)
    FROM called
    ON CONFLICT DO NOTHING
"""


class SuggestionError(Exception):
    """What was asked of a suggestion cannot be; the message says why."""


@dataclass(frozen=True)
class Fill:
    """A trade as it was made: units, positive if bought, at a price and for a fee in US dollars."""

    asset: Asset
    quantity: Decimal
    price: Decimal
    fee: Decimal
    on: date


def advance(*, run: NightlyRun) -> None:
    """Renew, supersede and end all suggestions' lives, once the night's episodes are right.

    Belongs into the transaction that publishes the run. Idempotent.
    """
    stormy = regimes.stormy_days(end=run.as_of, days=cadences.DUE_DAYS)
    days = cadences.all_due(as_of=run.as_of, stormy=stormy)
    night: dict[str, Any] = {"run": run.pk, "as_of": run.as_of, "quiet": [*Suggestion.QUIET]}
    night |= {"due_days": cadences.DUE_DAYS, **{str(name): day for name, day in days.items()}}
    with connection.cursor() as cursor:
        for statement in (ADOPT, END, SUPERSEDE, WAKE, OPEN):
            cursor.execute(statement, night)


def current(portfolio: Portfolio) -> SuggestionLife | None:
    """The life of the suggestion that the portfolio has now."""
    return SuggestionLife.objects.filter(portfolio=portfolio, ended_on=None).first()


@transaction.atomic
def take_up(*, portfolio: Portfolio, run: NightlyRun) -> SuggestionLife:
    """The life of what is suggested now; begun here where no night has begun it. Idempotent.

    Raises SuggestionError where nothing is suggested.
    """
    locked = Portfolio.objects.select_for_update(no_key=True).get(pk=portfolio.pk)
    if life := current(locked):
        return life
    seen = {"run": run, "portfolio": locked, "revision": locked.revision}
    if not Suggestion.objects.filter(**seen).exists():
        raise SuggestionError("There is no suggestion any more: the portfolio has changed.")
    result = PortfolioResult.objects.get(**seen)
    due_on = cadences.read(locked, as_of=run.as_of).due_on
    if due_on and SuggestionLife.objects.filter(portfolio=locked, due_on=due_on).exists():
        due_on = None  # this day's suggestion is over
    episode = BreachEpisode.objects.filter(portfolio=locked, closed_on=None).first()
    return SuggestionLife.objects.create(
        **seen,
        episode=None if due_on else episode,
        due_on=due_on,
        level=int(result.worst_drift // result.band),
    )


@transaction.atomic
def dismiss(*, life: SuggestionLife, by: User | None, now: datetime) -> SuggestionLife:
    """Leave it be: no letter and no reminder until the breach ends or is a whole band worse.

    Idempotent. Raises SuggestionError when it is over, or done.
    """
    return _enter(life, State.DISMISSED, by=by, now=now)


@transaction.atomic
def snooze(*, life: SuggestionLife, until: date, by: User | None, now: datetime) -> SuggestionLife:
    """Put it aside until a day, or until it is a whole band worse.

    Idempotent. Raises SuggestionError for a day that is not within the coming year, and as
    `dismiss` does.
    """
    if not now.date() < until <= now.date() + LONGEST_SNOOZE:
        raise SuggestionError("Choose a day from tomorrow on, within a year.")
    return _enter(life, State.SNOOZED, by=by, now=now, snoozed_until=until)


@transaction.atomic
def reopen(*, life: SuggestionLife, by: User | None, now: datetime) -> SuggestionLife:
    """Take it up again. Idempotent. Raises SuggestionError when it is over."""
    return _enter(life, State.OPEN, by=by, now=now, after=(*State,))


@transaction.atomic
def mark_done(
    *,
    life: SuggestionLife,
    by: User | None,
    now: datetime,
    fills: Sequence[Fill] = (),
    expected_revision: int | None = None,
) -> SuggestionLife:
    """It was followed, in part or in whole: what was traded becomes lines of the ledger.

    Without fills nothing is recorded, and the suggestion rests until the portfolio changes. All
    or nothing is written. Raises SuggestionError as `dismiss` does, and what
    portfolios.services.transactions refuses.
    """
    done = _enter(life, State.DONE, by=by, now=now, after=(State.OPEN, *SuggestionLife.PUT_ASIDE))
    if fills:
        transactions.add_many(
            portfolio=done.portfolio,
            entries=entries(done.portfolio, fills, now=now),
            now=now,
            expected_revision=expected_revision,
        )
        done.ended_on = now.date()
        done.fills_on = max(fill.on for fill in fills)
        done.fill_asset_ids = [fill.asset.pk for fill in fills]
        done.fill_quantities = [float(fill.quantity) for fill in fills]
        done.fill_prices = [float(fill.price) for fill in fills]
        done.fill_fees = [float(fill.fee) for fill in fills]
        done.save()
    return done


def entries(portfolio: Portfolio, fills: Sequence[Fill], *, now: datetime) -> list[Transaction]:
    """The lines of the ledger that these trades are.

    Money moves along where the portfolio follows its cash; else a balance of it is corrected.
    """
    dollar = Asset.objects.get(coingecko_id=DOLLAR)
    lines = []
    for fill in fills:
        at = min(datetime.combine(fill.on, time(23, 59, 59), UTC), now)
        if fill.asset.kind != Asset.Kind.CASH:
            lines.append(_trade(fill, dollar, at))
        elif not portfolio.follows_cash:
            lines.append(holdings.correction(fill.asset, fill.quantity, at=at))
    return lines


def _trade(fill: Fill, dollar: Asset, at: datetime) -> Transaction:
    with localcontext(prec=60):
        paid = (abs(fill.quantity) * fill.price).quantize(SMALLEST)
    kind = Transaction.Kind.BUY if fill.quantity > 0 else Transaction.Kind.SELL
    coin, money = ("received", "sent") if fill.quantity > 0 else ("sent", "received")
    legs = {f"{coin}_asset": fill.asset, f"{coin}_quantity": fill.quantity.copy_abs()}
    legs |= {f"{money}_asset": dollar, f"{money}_quantity": paid}
    if fill.fee:
        legs |= {"fee_asset": dollar, "fee_quantity": fill.fee}
    return Transaction(kind=kind, at=at, note="Followed a suggestion", **legs)


def _enter(
    life: SuggestionLife,
    state: State,
    *,
    by: User | None,
    now: datetime,
    after: Sequence[State] = (State.OPEN, *SuggestionLife.PUT_ASIDE),
    snoozed_until: date | None = None,
) -> SuggestionLife:
    """Change a current life's state; the same state again changes nothing."""
    locked = SuggestionLife.objects.select_for_update(of=("self",)).select_related("portfolio")
    life = locked.get(pk=life.pk)
    if life.ended_on is not None:
        raise SuggestionError("This suggestion is over: another one has taken its place.")
    if (life.state, life.snoozed_until) == (state, snoozed_until):
        return life
    if life.state not in after:
        raise SuggestionError("This suggestion is done already. Take it up again first.")
    life.state, life.snoozed_until = state, snoozed_until
    life.state_by, life.state_at = by, now
    life.save(update_fields=["state", "snoozed_until", "state_by", "state_at"])
    return life
