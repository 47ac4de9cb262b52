from typing import Any

from accounts.models import User


def change(*, user: User, **chosen: Any) -> None:
    """Store what a person has chosen; the callers have checked that it is a choice. Idempotent."""
    for name, value in chosen.items():
        setattr(user, name, value)
    user.save(update_fields=list(chosen))
