"""`make bench`: time every kernel beside its peers and print a table; JSON=FILE keeps the rows."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.core import backtests, covariances, optimisers, rebalances, risks, statistics
from benchmarks.core.comparison import Comparison

AREAS = (risks, covariances, statistics, optimisers, rebalances, backtests)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.core", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--only", choices=[area.__name__.split(".")[-1] for area in AREAS])
    options = parser.parse_args()
    found: list[Comparison] = []
    with threadpool_limits(limits=1):
        for area in AREAS:
            if options.only in (None, area.__name__.split(".")[-1]):
                found += area.compare()
    print(_table(found))
    missed = sum(not comparison.met for comparison in found)
    print(f"\n{len(found) - missed} of {len(found)} targets met.")
    if options.json:
        options.json.write_text(json.dumps([comparison.row() for comparison in found], indent=2))
    return 0


def _table(found: Sequence[Comparison]) -> str:
    head = f"{'kernel':<44} {'peer':<22} {'ratio':>10} {'target':>12}  met  note"
    lines = [head, "-" * len(head)]
    for comparison in found:
        bound = f"{'at most' if comparison.is_limit else 'at least'} {comparison.target:,g}"
        lines.append(
            f"{comparison.kernel:<44} {comparison.peer:<22} {comparison.ratio:>10,.4g} "
            f"{bound:>16}  {'yes' if comparison.met else 'NO ':<3}  {comparison.note}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
