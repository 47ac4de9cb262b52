"""What flows do on a page, and what every page must stand: each size, each theme, axe."""

import re
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User

# Width and height of the first screen: a small phone, a small laptop.
SIZES = {360: 740, 1280: 800}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SEVERE = ["serious", "critical"]
# Rules of axe that can tell one theme from the other; the first theme gets all rules.
ABOUT_COLOUR = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RUN_AXE = """
([options, severe]) => axe.run({resultTypes: ["violations"], preload: false, ...options}).then(
  ({violations}) => violations.filter(({impact}) => severe.includes(impact)).map(
    ({id, nodes}) => `${id}: ${nodes.map(({html}) => html.slice(0, 160)).join(" | ")}`
  )
)
"""
REFUSED = "the server responded with a status of 422"  # said by the browser of every refused form


def check(page: Page) -> None:
    """In both themes nothing is wider than the window, and axe finds nothing serious."""
    found = faults(page)
    assert not found, "\n".join(found)


def faults(page: Page) -> list[str]:
    found = []
    # A document that a click has just asked for has no elements yet.
    page.locator("body").wait_for(state="attached")
    page.wait_for_load_state()
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{page.url} is wider than the window")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        others = [f"html[data-bs-theme={other}]" for other in THEMES if other != theme]
        expect(page.locator(", ".join(others))).to_have_count(0)  # the page has followed
        options: dict[str, Any] = {} if theme == THEMES[0] else ABOUT_COLOUR
        severe = page.evaluate(RUN_AXE, [options, SEVERE])
        found += [f"{page.url}, {theme}: {violation}" for violation in severe]
    return found


def sign_in(page: Page, address: str, user: User) -> None:
    """As if the user had logged in just now, without the form."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    cookie: Any = {"name": name, "value": client.cookies[name].value, "url": address}
    page.context.add_cookies([cookie])


def press(page: Page, name: str) -> None:
    page.locator("#main").get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.locator("#main").get_by_role("link", name=name).click()


def add_virtual_authenticator(page: Page) -> None:
    """A platform authenticator (a finger, a face) that always agrees."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def printed(page: Page) -> int:
    """How many sheets of A4 the page is on paper."""
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    return len(re.findall(rb"/Type\s*/Page\b", paper))
