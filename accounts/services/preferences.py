from typing import Any

from accounts.models import User
from accounts.services import letters


def change(*, user: User, **chosen: Any) -> None:
    """Store what a person has chosen, and let a letter that waits follow it. Idempotent.

    The callers have checked that it is a choice.
    """
    for name, value in chosen.items():
        setattr(user, name, value)
    user.save(update_fields=list(chosen))
    letters.reschedule(user=user)
