"""Tell a person something: an item in the notification centre, and in their next letter."""

from datetime import timedelta

from django.db.models.functions import Now

from accounts.models import Kind, Notification, User
from accounts.selectors import notifications as selector

KEPT_FOR = timedelta(days=365)
LONGEST_SUBJECT = Notification._meta.get_field("subject").max_length


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
        subject=" ".join(subject.split())[:LONGEST_SUBJECT],
        body=body,
        link=link,
        key=key,
    )
    Notification.objects.bulk_create([row], ignore_conflicts=True)


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
