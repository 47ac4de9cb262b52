"""Letters: what a person was told on the site goes into one letter, at the hour they want it.

Every notification that is for mail is given its letter once, here: the one that waits for its
person already, or a new one. So each is in one letter at most, and a letter that could not leave
for days says all that has come meanwhile. The letter is written when it is first claimed.

Apps above this one register what a letter says in full about items of a kind.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts import emails
from accounts.emails import Rendered
from accounts.models import AlertPreference, Kind, Notification, OutgoingEmail, User
from accounts.services import (
    actions,
    letter_times,
    notifications,
    outbox,
    signed_links,
    unsubscribe,
)
from accounts.services.signed_links import InvalidToken

KIND = "letter"
PURPOSE = "letter"
ADVISORY_LOCK = 0x45564B4C  # "EVKL"
# Nobody gets two letters within this time, however much happens.
GAP = timedelta(hours=1)
# The rest of very many is on the site.
MOST_SECTIONS = 20
# What a letter says first, and what gives it its subject.
BY_URGENCY = (
    Kind.DEPEG, Kind.DRIFT, Kind.STALE_PRICE, Kind.REVIEW, Kind.SUMMARY, Kind.BALANCE, Kind.GENERAL,
)  # fmt: skip

# PostgreSQL knows nothing yet of notifications that have just come. Of many it must, or it plans
# for a handful, and compares each letter with each of them; a small sample is enough.
MANY = 1000
ARE_MANY = f"""
    SELECT count(*) > {MANY} FROM (
        SELECT FROM accounts_notification WHERE is_for_mail AND letter_id IS NULL
        LIMIT {MANY + 1}) AS first
"""
KNOW = """
    SET LOCAL default_statistics_target = 10;
    ANALYZE (SKIP_LOCKED) accounts_notification (is_for_mail, letter_id)
"""
# Both run while ADVISORY_LOCK is held. A letter that a sender has claimed takes no more.
JOIN = """
    WITH waiting AS (
        SELECT id, user_id FROM accounts_outgoingemail
        WHERE kind = 'letter' AND state = 'pending' AND attempt = 0 AND user_id IN (
            SELECT user_id FROM accounts_notification WHERE is_for_mail AND letter_id IS NULL)
        FOR UPDATE)
    UPDATE accounts_notification AS told SET letter_id = waiting.id FROM waiting
    WHERE told.user_id = waiting.user_id AND told.is_for_mail AND told.letter_id IS NULL
"""
BEGIN = """
    WITH hours AS (
        SELECT * FROM unnest(%(preferences)s::text[], %(zones)s::text[], %(hours)s::int[],
                             %(dues)s::timestamptz[]) AS hours(preference, zone, hour, due_at)),
    begun AS (
        INSERT INTO accounts_outgoingemail
            (dedupe_key, user_id, recipient, kind, due_at, message_id, subject, text, html,
             headers, state, attempt, last_error)
        SELECT format('letter:%%s:%%s', person.id, told.first), person.id, person.email, 'letter',
               greatest(hours.due_at, (
                   SELECT max(sent_at) + make_interval(secs => %(gap)s)
                   FROM accounts_outgoingemail AS earlier
                   WHERE earlier.user_id = person.id AND earlier.kind = 'letter'
                     AND earlier.sent_at IS NOT NULL)) AS due_at,
               '', '', '', '', '{}', 'pending', 0, ''
        FROM (SELECT user_id, min(id) AS first FROM accounts_notification
              WHERE is_for_mail AND letter_id IS NULL GROUP BY user_id) AS told
        JOIN accounts_user AS person ON person.id = told.user_id AND person.is_active
        JOIN hours ON hours.preference = person.alert_preference
          AND hours.zone = person.time_zone AND hours.hour = person.letter_hour
        ORDER BY due_at  -- all looked up before the first is stored, among which it would search
        ON CONFLICT (dedupe_key) DO NOTHING
        RETURNING id, user_id),
    given AS (
        UPDATE accounts_notification AS told SET letter_id = begun.id FROM begun
        WHERE told.user_id = begun.user_id AND told.is_for_mail AND told.letter_id IS NULL)
    SELECT count(*) FROM begun
"""
WANTED = """
    SELECT DISTINCT alert_preference, time_zone, letter_hour FROM accounts_user
    WHERE alert_preference <> 'none' AND is_active AND id IN (
        SELECT user_id FROM accounts_notification WHERE is_for_mail AND letter_id IS NULL)
"""


@dataclass(frozen=True)
class Detail:
    """All there is to say about an item, for the middle of a letter."""

    html: str
    text: str


@dataclass(frozen=True)
class Section:
    """An item in a letter, and what may be done about it."""

    item: Notification
    links: Sequence[actions.Link]
    detail: Detail | None = None

    @property
    def text(self) -> str:
        return self.detail.text if self.detail else self.item.body


# For those of the items about which there still is something to say, how to say all of it; None
# where their words say it all.
Describer = Callable[[Sequence[Notification]], Mapping[int, Callable[[], Detail | None]]]
_describers: dict[str, Describer] = {}


def register(kind: str, describe: Describer) -> None:
    """Have items of `kind` that have a reference described by the app that knows about it."""
    _describers[kind] = describe


@transaction.atomic
def queue(*, now: datetime | None = None) -> int:
    """Give every notification that has none its letter; how many letters were begun.

    Idempotent. Only one runs at a time; another waits for it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        cursor.execute(ARE_MANY)
        if cursor.fetchone()[0]:
            cursor.execute(KNOW)
        cursor.execute(JOIN)
        cursor.execute(WANTED)
        wanted = cursor.fetchall()
        if not wanted:
            return 0
        after = now or _now(cursor)
        cursor.execute(
            BEGIN,
            {
                "preferences": [preference for preference, _, _ in wanted],
                "zones": [zone for _, zone, _ in wanted],
                "hours": [hour for _, _, hour in wanted],
                "dues": [_due(*choice, after=after) for choice in wanted],
                "gap": GAP.total_seconds(),
            },
        )
        return int(cursor.fetchone()[0])


def reschedule(*, user: User, now: datetime | None = None) -> None:
    """Let the letter that waits for this person leave when they want it now. Idempotent."""
    if user.alert_preference == AlertPreference.NONE:
        unsubscribe.stop_letters(user)
        return
    with connection.cursor() as cursor:
        after = now or _now(cursor)
    due_at = _due(user.alert_preference, user.time_zone, user.letter_hour, after=after)
    OutgoingEmail.objects.filter(
        user=user, kind=KIND, state=OutgoingEmail.State.PENDING, attempt=0
    ).update(due_at=due_at)


def write(outgoing: OutgoingEmail) -> Rendered | None:
    """The letter, from what its person was told; None when there is nothing to say any more."""
    user = outgoing.user
    if user is None or user.alert_preference == AlertPreference.NONE:
        return None
    found = outgoing.notifications.exclude(kind__in=user.muted_kinds)
    return compose(user=user, items=found, browser_url=browser_url(outgoing))


def compose(*, user: User, items: Iterable[Notification], browser_url: str) -> Rendered | None:
    """A letter that says these items; None when there is nothing to say about any of them."""
    sections = _sections(sorted(notifications.with_words(items), key=_urgency))
    if not sections:
        return None
    kinds = {Kind(section.item.kind) for section in sections}
    shown = sections[:MOST_SECTIONS]
    return emails.render(
        "emails/letter",
        subject=_subject(sections),
        context={
            "sections": shown,
            "more": len(sections) - len(shown),
            "simulated_market": not settings.MARKET_DATA_DIR,
            "browser_url": browser_url,
            "stop_kinds": [
                (kind.label, unsubscribe.url(user, kind=kind)) for kind in sorted(kinds)
            ],
            "stop_all": unsubscribe.url(user),
        },
        headers=unsubscribe.headers(user, kind=kinds.pop() if len(kinds) == 1 else None),
    )


def browser_url(outgoing: OutgoingEmail) -> str:
    """Where the letter can be read when a mail programme does not show it well."""
    return signed_links.url("accounts:letter", signed_links.sign(PURPOSE, outgoing.pk))


def find(token: str) -> OutgoingEmail:
    """The letter that this link shows. Raises InvalidToken and ExpiredToken."""
    match signed_links.read(PURPOSE, token, works_for=outbox.KEPT_FOR):
        case [key]:
            letter = OutgoingEmail.objects.filter(pk=key, kind=KIND).exclude(html="").first()
            if letter:
                return letter
    raise InvalidToken


def _sections(items: Sequence[Notification]) -> list[Section]:
    """Of what is still worth saying; only a letter about one thing has room for its detail."""
    details: dict[int, Callable[[], Detail | None]] = {}
    for kind, describe in _describers.items():
        if of_kind := [item for item in items if item.kind == kind and item.reference]:
            details |= describe(of_kind)
    left = [
        item
        for item in items
        if item.pk in details or item.kind not in _describers or not item.reference
    ]
    if len(left) == 1 and left[0].pk in details:
        return [Section(left[0], actions.links(left[0]), details[left[0].pk]())]
    return [Section(item, actions.links(item)) for item in left]


def _subject(sections: Sequence[Section]) -> str:
    first, more = sections[0].item.subject, len(sections) - 1
    return f"{first}, and {more} more" if more else first


def _urgency(item: Notification) -> tuple[int, int]:
    return BY_URGENCY.index(Kind(item.kind)), item.pk


def _due(preference: str, zone: str, hour: int, *, after: datetime) -> datetime:
    return letter_times.next_due(preference=preference, hour=hour, time_zone=zone, after=after)


def _now(cursor: Any) -> datetime:
    cursor.execute("SELECT now()")
    found: datetime = cursor.fetchone()[0]
    return found
