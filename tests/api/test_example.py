"""The example of the documentation runs as it stands there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from portfolios.services import catalogue
from tests.api.conftest import drifted, measure_market, token_of
from tests.factories import PortfolioFactory, UserFactory

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "drift.py"


def test_the_example_lists_drift(transactional_db: None, live_server: Any) -> None:
    catalogue.load()
    measure_market()
    owner = UserFactory()
    drifted(owner, name="Rainy days")
    PortfolioFactory(owner=owner, name="Just opened")
    ran = subprocess.run(
        [sys.executable, EXAMPLE, live_server.url],
        env={"EVENKEEL_TOKEN": token_of(owner, "read")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.splitlines() == [
        "Rainy days: 40.0% from its target, where 5.0% is allowed",
        "Just opened: being calculated",
    ]
    assert len(EXAMPLE.read_text().splitlines()) <= 30
