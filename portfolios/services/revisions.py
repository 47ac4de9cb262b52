"""Every write to a portfolio goes through here: one at a time, and counted."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from portfolios.models import Portfolio
from portfolios.services.errors import ConflictError


@contextmanager
def changing(portfolio: Portfolio, *, expected: int | None = None) -> Iterator[Portfolio]:
    """Lock the portfolio, let the caller change it, and count its revision up, all or nothing.

    `expected` is the revision the person saw. Raises ConflictError when the portfolio has
    changed since, or is gone.
    """
    with transaction.atomic():
        locked = Portfolio.objects.select_for_update().filter(pk=portfolio.pk).first()
        if locked is None:
            raise ConflictError("This portfolio was deleted in another tab.")
        if expected is not None and locked.revision != expected:
            raise ConflictError(
                "This portfolio was changed in another tab. Check what it holds now and try again."
            )
        yield locked
        locked.revision += 1
        locked.save(update_fields=["revision"])
    portfolio.revision = locked.revision
