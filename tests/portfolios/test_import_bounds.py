"""The largest file that is taken: how long its preview takes, and how much memory."""

import time
from pathlib import Path

import pytest

from portfolios.importers import files
from portfolios.services import imports
from tests.factories import AssetFactory, PortfolioFactory
from tests.portfolios.test_imports import NOW, held, run

pytestmark = pytest.mark.django_db

MOST_SECONDS = 5.0
MOST_BYTES = 200_000_000
HEADER = "Type,Buy,Cur.,Sell,Cur.,Fee,Cur.,Exchange,Group,Comment,Date\n"


def largest() -> bytes:
    """10,000 trades and fees of four assets, over ten years."""
    rows = [
        f"Trade,{n}.5,{('BTC', 'ETH', 'SOL')[n % 3]},{n * 3},USDC,0.1,USDC,Ex,,,"
        f"{1 + n % 28:02d}.{1 + n % 12:02d}.{2014 + n % 10} 13:{n % 60:02d}:00\n"
        for n in range(files.MAX_ROWS)
    ]
    rows[0] = "Deposit,999999999,USDC,-,,-,,Ex,,,01.01.2013 00:00:00\n"
    return (HEADER + "".join(rows)).encode()


def reset_peak() -> int:
    """Forget the most memory that this process has had so far, and return what it has now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("Only Linux tells the most memory that a process had.")
    return memory("VmRSS")


def memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def test_ten_thousand_rows_are_previewed_and_imported_within_bounds():
    for symbol in ("BTC", "ETH", "SOL", "USDC"):
        AssetFactory(symbol=symbol)
    portfolio = PortfolioFactory()
    content = largest()
    before = reset_peak()
    started = time.monotonic()
    import_run = imports.upload(portfolio=portfolio, file_name="a.csv", content=content, now=NOW)
    seconds, most = time.monotonic() - started, memory("VmHWM") - before
    print(f"preview: {seconds:.2f} s, {most / 1e6:.0f} MB")  # noqa: T201 (shown with -s)
    assert import_run.total == files.MAX_ROWS
    assert seconds < MOST_SECONDS
    assert most < MOST_BYTES
    started = time.monotonic()
    assert run(import_run).added == files.MAX_ROWS
    print(f"import: {time.monotonic() - started:.2f} s")  # noqa: T201
    assert memory("VmHWM") - before < MOST_BYTES
    assert held(portfolio)["BTC"] == sum(n + 0.5 for n in range(0, files.MAX_ROWS, 3)) - 0.5
