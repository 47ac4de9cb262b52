"""Every write to a portfolio goes through here: one at a time, and counted."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F

from portfolios.models import Portfolio
from portfolios.services.errors import ConflictError, RevisionError


@contextmanager
def changing(
    portfolio: Portfolio, *, expected: int | None = None, even_deleted: bool = False
) -> Iterator[Portfolio]:
    """Lock the portfolio, let the caller change it, and count its revision up, all or nothing.

    `expected` is the revision the person saw. Raises ConflictError when the portfolio has
    changed since, or is gone.
    """
    with transaction.atomic():
        locked = Portfolio.objects.select_for_update().filter(pk=portfolio.pk).first()
        if locked is None or (locked.deleted_at and not even_deleted):
            raise ConflictError("This portfolio was deleted in another tab.")
        if expected is not None and locked.revision != expected:
            raise RevisionError(
                "This portfolio was changed in another tab. Check what it holds now and try again."
            )
        yield locked
        locked.revision += 1
        locked.save(update_fields=["revision"])
    portfolio.revision = locked.revision


def count_up(*, portfolio_ids: Collection[int]) -> set[int]:
    """Lock many portfolios for the rest of the caller's transaction, and count their revisions up.

    In the order of their ids, so that two callers never wait for each other. Returns the ids of
    those that exist.
    """
    portfolios = Portfolio.objects.filter(pk__in=portfolio_ids)
    locked = set(portfolios.select_for_update().order_by("pk").values_list("pk", flat=True))
    Portfolio.objects.filter(pk__in=locked).update(revision=F("revision") + 1)
    return locked
