"""Tell a person something: an item in the notification centre, and in their next letter.

A night that tells thousands adds rows without words; they are written when they are first read,
from what the app that added them has registered.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now

from accounts.models import AlertPreference, Kind, Notification, User, Webhook
from accounts.selectors import notifications as selector

KEPT_FOR = timedelta(days=365)
LONGEST_SUBJECT = Notification._meta.get_field("subject").max_length


@dataclass(frozen=True)
class Words:
    subject: str
    body: str
    link: str


GONE = Words("Something that is no longer there", "It was deleted meanwhile.", "")
# The words of items by their primary keys; of what is gone there are none.
Writer = Callable[[Sequence[Notification]], Mapping[int, Words]]
_writers: dict[str, Writer] = {}


def register(kind: str, write: Writer) -> None:
    """Have items of `kind` that have a reference and no words written when they are first read."""
    _writers[kind] = write


def notify(*, user: User, kind: str, subject: str, body: str, link: str, key: str) -> None:
    """Tell `user` something, unless they were told under this `key` before.

    `link` is a path of this site ("/portfolios/7/"), or empty. A guest is told nothing: that
    person has no address, and is gone in some days. Raises ValueError for a kind that is none.
    """
    if user.is_guest:
        return
    row = Notification(
        user=user,
        kind=Kind(kind),
        is_for_mail=user.alert_preference != AlertPreference.NONE and kind not in user.muted_kinds,
        is_for_webhooks=user.webhooks.filter(state=Webhook.State.ACTIVE).exists(),
        subject=_one_line(subject),
        body=body,
        link=link,
        key=key,
    )
    Notification.objects.bulk_create([row], ignore_conflicts=True)


def with_words(items: Iterable[Notification]) -> list[Notification]:
    """The same items, all of which say something; the words of what is gone say so. Idempotent."""
    found = list(items)
    silent = [item for item in found if not item.subject]
    for kind in {item.kind for item in silent}:
        of_kind = [item for item in silent if item.kind == kind]
        words = _writers[kind](of_kind) if kind in _writers else {}
        for item in of_kind:
            said = words.get(item.pk, GONE)
            item.subject, item.body, item.link = _one_line(said.subject), said.body, said.link
    Notification.objects.bulk_update(silent, ["subject", "body", "link"])
    return found


def mark_read(*, notification: Notification) -> None:
    """Idempotent: the first time counts."""
    Notification.objects.filter(pk=notification.pk, read_at=None).update(read_at=Now())


def mark_all_read(*, user: User) -> int:
    """How many were unread. Idempotent."""
    return selector.of(user).filter(read_at=None).update(read_at=Now())


def purge(*, older_than: timedelta = KEPT_FOR) -> int:
    """Forget what is long ago, read or not; how many items. Idempotent."""
    forgotten, _ = Notification.objects.filter(created_at__lt=Now() - older_than).delete()
    return forgotten


def _one_line(words: str) -> str:
    return " ".join(words.split())[:LONGEST_SUBJECT]
