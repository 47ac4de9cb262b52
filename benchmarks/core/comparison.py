"""What one comparison is, and how a call is timed."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Comparison:
    """A kernel beside a peer on the same input.

    Where `is_limit` is false, `ratio` says how many times faster the kernel is, and the target is
    a least. Where it is true, `ratio` is the kernel's time over that of the bare work (a memory
    copy, a matrix product), and the target is a most.
    """

    kernel: str
    peer: str
    ratio: float
    target: float
    is_limit: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        return self.ratio <= self.target if self.is_limit else self.ratio >= self.target

    def row(self) -> dict[str, object]:
        row = asdict(self) | {"met": self.met}
        return {key: row[key] for key in ("kernel", "peer", "ratio", "target", "met", "note")}


def seconds(call: Callable[[], object], *, runs: int = 5) -> float:
    """The median of several runs, after one that warms up."""
    call()
    times = []
    for _ in range(runs):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times)
