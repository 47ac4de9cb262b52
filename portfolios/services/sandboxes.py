"""What a guest may fill, and how it becomes a person's."""

from collections.abc import Container
from itertools import count

from accounts.models import User
from portfolios.models import Asset, ColumnMapping, Portfolio, PortfolioDraft, TickerChoice
from portfolios.services.errors import SandboxFullError

MAX_PORTFOLIOS = 20


def check_room(owner: User) -> None:
    """Raise SandboxFullError when a guest has as many portfolios as fit, deleted ones included."""
    if owner.is_guest and owner.portfolios.count() >= MAX_PORTFOLIOS:
        raise SandboxFullError(
            f"A sandbox has room for {MAX_PORTFOLIOS} portfolios, deleted ones included. "
            "Sign up, and there is no limit."
        )


def hand_over(*, guest: User, person: User) -> int:
    """Make a guest's portfolios and own assets a person's; how many portfolios are in use.

    A name that the person uses already gets a number. Revisions stay: results do too.
    """
    Asset.of_anybody.filter(owner=guest).update(owner=person)
    _hand_over_choices(guest=guest, person=person)
    adopted = 0
    taken = set(person.portfolios.values_list("name", flat=True))
    for portfolio in guest.portfolios.select_for_update(of=("self",)).order_by("pk"):
        name = _free_name(portfolio.name, taken)
        taken.add(name)
        Portfolio.objects.filter(pk=portfolio.pk).update(owner=person, name=name)
        adopted += portfolio.deleted_at is None
    return adopted


def _hand_over_choices(*, guest: User, person: User) -> None:
    """What a guest has said about files and in the wizard, where the person has said nothing."""
    choices = TickerChoice.objects.filter(owner=person).values("ticker")
    TickerChoice.objects.filter(owner=guest).exclude(ticker__in=choices).update(owner=person)
    mappings = ColumnMapping.objects.filter(owner=person).values("header")
    ColumnMapping.objects.filter(owner=guest).exclude(header__in=mappings).update(owner=person)
    if not PortfolioDraft.objects.filter(owner=person).exists():
        PortfolioDraft.objects.filter(owner=guest).update(owner=person)


def _free_name(name: str, taken: Container[str]) -> str:
    longest = Portfolio._meta.get_field("name").max_length or len(name)
    numbers = (f" ({n})" for n in count(2))
    candidates = (f"{name[: longest - len(number)]}{number}" for number in numbers)
    return name if name not in taken else next(free for free in candidates if free not in taken)
