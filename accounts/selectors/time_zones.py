"""The time zones to choose from."""

from itertools import groupby
from zoneinfo import available_timezones

AREAS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
)  # fmt: skip
Group = tuple[str, list[tuple[str, str]]]


def choices() -> list[tuple[str, str] | Group]:
    """UTC first, then the places of each area; names of old (US/Eastern) are left out."""
    places = names()[1:]
    areas: list[Group] = [
        (area, [(name, _place(name)) for name in names])
        for area, names in groupby(places, key=lambda name: name.partition("/")[0])
    ]
    return [("UTC", "UTC"), *areas]


def _place(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", ", ")


def names() -> list[str]:
    """All that can be chosen."""
    places = (name for name in available_timezones() if name.partition("/")[0] in AREAS)
    return ["UTC", *sorted(places)]
