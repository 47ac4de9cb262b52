"""A person's notification centre."""

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from accounts.models import Notification, User

PAGE = 25
# More than this nobody counts; and the query on every page reads no more rows than that.
MOST_COUNTED = 99


def of(user: User) -> QuerySet[Notification]:
    return Notification.objects.filter(user=user)


def page(user: User, *, number: str | None) -> Page[Notification]:
    """The newest first."""
    return Paginator(of(user), PAGE).get_page(number)


def unread(user: User) -> int:
    """How many items are unread, at most one more than MOST_COUNTED."""
    return of(user).filter(read_at=None).order_by()[: MOST_COUNTED + 1].count()
