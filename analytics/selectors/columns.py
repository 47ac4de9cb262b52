"""The heads of a table that is sorted by what its address says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    key: str
    label: str
    direction: str  # "ascending" or "descending" when the table is sorted by it, else empty
    sort: str  # what the address says to sort by it, or to turn it round
    is_figure: bool
    kept: str = ""  # the rest of the address, ending in &

    @property
    def address(self) -> str:
        return f"?{self.kept}sort={self.sort}"


def heads(
    labels: Mapping[str, str], *, sort: str, ascending_first: Collection[str], kept: str = ""
) -> Sequence[Column]:
    """A head for each label. `sort` is the key in force, with a minus before it for descending."""
    columns = []
    for key, label in labels.items():
        is_sorted = sort.removeprefix("-") == key
        direction = ("descending" if sort.startswith("-") else "ascending") if is_sorted else ""
        is_word = key in ascending_first
        first, other = (key, f"-{key}") if is_word else (f"-{key}", key)
        turned = other if sort == first else first
        columns.append(Column(key, label, direction, turned, is_figure=not is_word, kept=kept))
    return columns
