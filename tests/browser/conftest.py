"""A real browser, a real worker and a real mail server around the live site."""

import os
import shutil
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from portfolios.services import catalogue
from tests.accounts.conftest import AnyPort, MailServer
from tests.workers import worker

# Playwright drives an event loop in this thread; the tests' own queries are synchronous and fine.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def find_chromium() -> str | None:
    if named := os.environ.get("EVENKEEL_CHROMIUM"):
        return named
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("No Chromium: install it, or set EVENKEEL_CHROMIUM to its path.")
    return {
        "executable_path": chromium,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.fixture
def console(page: Page) -> list[str]:
    """Errors that the browser reported, violations of the content policy among them."""
    errors: list[str] = []
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


class Postbox(MailServer):
    """A mail server on loopback that keeps what it is given."""

    port: int

    def wait_for(self, subject: str, *, seconds: float = 30) -> EmailMessage:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self.messages:
                if subject in message["Subject"]:
                    return message
            time.sleep(0.05)
        subjects = [message["Subject"] for message in self.messages]
        raise AssertionError(f"No mail about {subject!r} within {seconds} s, only {subjects}")


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    controller = AnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


@pytest.fixture
def site(live_server: Any, postbox: Postbox, settings: Any) -> Iterator[str]:
    """The live site with its catalogue, and a Celery worker beside it."""
    settings.SITE_URL = live_server.url
    catalogue.load()
    mail = f"smtp://127.0.0.1:{postbox.port}"
    with worker(SITE_URL=live_server.url, EMAIL_URL=mail):
        yield live_server.url
