"""What the figures on the pages mean: the entries of glossary.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "glossary.toml"


@dataclass(frozen=True)
class Term:
    """A figure: what it tells, in which unit, how it is computed, and who says so."""

    key: str
    group: str
    title: str
    unit: str
    text: str
    formula: str
    source: str


@cache
def terms() -> Mapping[str, Term]:
    """All of them by key, in the order of the file."""
    return {key: Term(key=key, **fields) for key, fields in tomllib.loads(FILE.read_text()).items()}


def find(key: str) -> Term:
    """Raises LookupError for a term that the file does not have: a page must not promise one."""
    term = terms().get(key)
    if term is None:
        raise LookupError(
            f"{FILE.name} has no {key!r}: add it, or name one of {', '.join(terms())}"
        )
    return term


def groups() -> list[tuple[str, Sequence[Term]]]:
    """The terms by group, as the glossary shows them."""
    by_group = groupby(terms().values(), key=attrgetter("group"))
    return [(group, list(members)) for group, members in by_group]
