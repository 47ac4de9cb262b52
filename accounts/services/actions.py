"""What may be done about a notification by one click in a letter, without a login.

Apps above this one register what may be done about their kinds. The link shows a page; only its
button, a POST, does something: mail scanners follow links.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from accounts.models import Notification
from accounts.services import signed_links
from accounts.services.signed_links import InvalidToken

PURPOSE = "action"
WORKS_FOR = timedelta(days=30)


class ImpossibleAction(Exception):
    """It cannot be done any more; the message says why."""


@dataclass(frozen=True)
class Action:
    """`perform` returns in a sentence what it has done, and does it once however often called.

    It raises ImpossibleAction.
    """

    name: str
    label: str
    meaning: str
    perform: Callable[[Notification], str]


@dataclass(frozen=True)
class Link:
    label: str
    url: str


_actions: dict[str, dict[str, Action]] = {}


def register(kind: str, action: Action) -> None:
    """Offer this action in letters about items of `kind`."""
    _actions.setdefault(kind, {})[action.name] = action


def links(item: Notification) -> list[Link]:
    """What a letter offers to do about this item."""
    if item.reference is None:
        return []
    return [
        Link(
            action.label,
            signed_links.url("accounts:action", signed_links.sign(PURPOSE, item.pk, action.name)),
        )
        for action in _actions.get(item.kind, {}).values()
    ]


def find(token: str) -> tuple[Notification, Action]:
    """What this link is about, and does. Raises InvalidToken and ExpiredToken."""
    match signed_links.read(PURPOSE, token, works_for=WORKS_FOR):
        case [key, name]:
            item = Notification.objects.select_related("user").filter(pk=key).first()
            action = _actions.get(item.kind, {}).get(name) if item else None
            if item and action and item.user.is_active:
                return item, action
    raise InvalidToken
