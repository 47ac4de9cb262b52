"""A real browser, a real worker and a real mail server around the live site."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page

from analytics.services import nights
from portfolios.models import Portfolio
from portfolios.services import catalogue
from tests.accounts.conftest import AnyPort, MailServer
from tests.analytics.conftest import AS_OF, as_of, coins, hold, quotes  # noqa: F401  (fixtures)
from tests.browser import pages
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


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    """Without transitions: a colour that is on its way to another one has any contrast."""
    return {"reduced_motion": "reduce"}


@pytest.fixture(autouse=True, params=pages.SIZES, ids="{}px".format)
def width(request: pytest.FixtureRequest, page: Page) -> int:
    """Every flow is walked on a phone and at a desk; `pages.check` looks at both themes."""
    width: int = request.param
    page.set_viewport_size({"width": width, "height": pages.SIZES[width]})
    return width


@pytest.fixture(autouse=True)
def separate_cache(settings: Any) -> None:
    """Rate limits of one flow must not meet the next one."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()


@pytest.fixture
def portfolio(hold: Any) -> Portfolio:  # noqa: F811
    """60 % Bitcoin where 50 are wanted, measured by a night."""
    portfolio: Portfolio = hold(
        {"BTC": 6, "SOL": "3.5", "USD": 50},
        {"BTC": "0.5", "SOL": "0.44", "USD": "0.06"},
        name="Rainy days",
        notes="Until the boat is paid",
    )
    nights.run_to_end(as_of=AS_OF)
    return portfolio


@pytest.fixture
def visit(live_server: Any, page: Page, portfolio: Portfolio) -> Callable[..., None]:
    """Open an address of the site as the owner of the test's portfolio."""
    pages.sign_in(page, live_server.url, portfolio.owner)
    return lambda name, *arguments: page.goto(live_server.url + reverse(name, args=arguments))


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
