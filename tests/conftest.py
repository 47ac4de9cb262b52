"""What every test may ask for."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real market data and exports, which are not part of the project."""
    path = Path(os.environ.get("EVENKEEL_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"{path} is absent: set EVENKEEL_SHARED to the folder of the shared data.")
    return path


@pytest.fixture(scope="session")
def market_directory(shared_data: Path) -> Path:
    return shared_data / "market" / "daily"
