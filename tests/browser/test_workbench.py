"""The workbench from typing to saving, on a phone and at a desk, with a mouse and without."""

from decimal import Decimal

import pytest
from playwright.sync_api import Page, Route, expect

from portfolios.models import Portfolio
from tests.browser.pages import check, press

pytestmark = pytest.mark.django_db(transaction=True)

# Every text that stood beside Bitcoin's weight, in the order in which it did.
LOG_SHARES = """
(id) => {
  window.shown = [];
  const log = () => {
    const text = document.getElementById(id).textContent.match(/[\\d.]+ % of the money/)[0];
    if (window.shown.at(-1) !== text) window.shown.push(text);
  };
  const rows = document.getElementById("workbench-rows");
  new MutationObserver(log).observe(rows, {childList: true, subtree: true});
  let flying = 0;
  window.mostInFlight = 0;
  document.addEventListener("htmx:beforeSend", () => {
    window.mostInFlight = Math.max(window.mostInFlight, ++flying);
  });
  document.addEventListener("htmx:afterRequest", () => { flying -= 1; });
}
"""
FOCUSED = """(({activeElement}) =>
  activeElement.getAttribute("aria-label") || activeElement.textContent.trim())(document)"""
ROOM = "htmx-request, .htmx-swapping, .htmx-settling"


def settled(page: Page) -> None:
    expect(page.locator(f".{ROOM}")).to_have_count(0)


def share(page: Page, asset) -> str:
    return f"#share-weight-{asset.pk}"


def test_weights_are_tried_normalised_proposed_saved_compared_and_restored(
    page: Page,
    visit,
    portfolio: Portfolio,
    coins,
    console,
):
    for name in ("target-versions", "proposals"):  # nothing saved yet, and a page of its own
        visit(f"analytics:{name}", portfolio.pk)
        check(page)
    visit("analytics:workbench", portfolio.pk)
    figures = page.locator("#workbench-figures")
    expect(page.locator(share(page, coins["BTC"]))).to_contain_text("50.0 % of the money")
    expect(page.get_by_role("button", name="Try Equal risk")).to_be_visible()
    check(page)

    page.get_by_label("BTC, %", exact=True).fill("94")  # of 144 in all
    expect(page.locator(share(page, coins["BTC"]))).to_contain_text("65.3 % of the money")
    expect(figures.get_by_text("do not make 100 % yet")).to_be_visible()
    expect(page.locator("[data-targets-remainder]")).to_have_text("44 % too much")
    press(page, "Normalise")
    expect(page.get_by_text("Scaled to 100 % in the same proportions.")).to_be_visible()
    expect(page.locator("[data-targets-remainder]")).to_have_text("complete")
    expect(page.get_by_label("BTC, %", exact=True)).to_have_value("65.28")

    expect(page.get_by_role("button", name="Try Equal weights, to compare")).to_be_visible()
    page.get_by_role("button", name="Try Equal weights, to compare").click()
    expect(page.get_by_text("One of 3 equal parts.").first).to_be_visible()
    expect(page.get_by_label("SOL, %", exact=True)).to_have_value("33.33")
    check(page)

    page.get_by_label("Name of this version").fill("A third each")
    press(page, "Save as targets")
    expect(page.get_by_text("The targets are saved.")).to_be_visible()
    visit("analytics:target-versions", portfolio.pk)
    expect(page.get_by_role("heading", name="A third each")).to_be_visible()
    press(page, "Compare")
    expect(page.locator("#compared").get_by_role("row", name="Volatility a year")).to_be_visible()
    check(page)
    press(page, "Restore Before versions were kept")
    expect(
        page.get_by_text("The targets are those of “Before versions were kept” again.")
    ).to_be_visible()
    assert portfolio.target_weights.get(asset=coins["BTC"]).weight == Decimal("0.5")
    assert portfolio.target_versions.count() == 3
    assert console == []


def test_typing_fast_never_shows_an_older_answer_over_a_newer_one(
    page: Page,
    visit,
    portfolio: Portfolio,
    coins,
    console,
):
    visit("analytics:workbench", portfolio.pk)
    expect(page.get_by_role("button", name="Try Equal risk")).to_be_visible()
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**/workbench/", hold_the_first)
    page.evaluate(LOG_SHARES, f"share-weight-{coins['BTC'].pk}")
    bitcoin = page.get_by_label("BTC, %", exact=True)
    with page.expect_request(lambda request: request.method == "POST"):
        bitcoin.fill("10")
    for value in ("20", "30", "40", "90"):  # while the first answer is on its way
        bitcoin.fill(value)
    assert len(held) == 1
    held[0].continue_()
    # 10 of 60, then 90 of 140: what lay between was never asked for.
    expect(page.locator(share(page, coins["BTC"]))).to_contain_text("64.3 % of the money")
    settled(page)
    assert page.evaluate("window.shown") == ["16.7 % of the money", "64.3 % of the money"]
    assert page.evaluate("window.mostInFlight") == 1
    assert console == []


def test_proposals_follow_what_is_typed(
    page: Page,
    visit,
    portfolio: Portfolio,
    console,
    width,
):
    if width == 1280:
        pytest.skip("the same script at any width; the flow above walks both")
    visit("analytics:workbench", portfolio.pk)
    equal = page.get_by_role("row").filter(has_text="Equal weights, to compare")
    expect(equal.locator('[data-label="Core, %"]')).to_have_text("33.3")
    page.get_by_label("USD, %", exact=True).fill("0")  # two rows are left to share out among
    expect(equal.locator('[data-label="Core, %"]')).to_have_text("50.0")
    assert console == []


def test_sliders_numbers_and_categories_move_together(
    page: Page,
    visit,
    portfolio: Portfolio,
    coins,
    width,
):
    if width == 360:
        pytest.skip("the same script at any width; the flow above walks both")
    visit("analytics:workbench", portfolio.pk)
    slider = page.get_by_label("BTC, slider, %")
    slider.fill("40")
    expect(page.get_by_label("BTC, %", exact=True)).to_have_value("40")
    expect(page.locator(share(page, coins["BTC"]))).to_contain_text("44.4 % of the money")
    together = page.get_by_label("Smart Contract L1s together, %")
    expect(together).to_have_value("84")
    together.fill("42")
    expect(page.get_by_label("BTC, %", exact=True)).to_have_value("20")
    expect(page.get_by_label("SOL, %", exact=True)).to_have_value("22")
    expect(slider).to_have_value("20")
    expect(page.locator(share(page, coins["BTC"]))).to_contain_text("41.7 % of the money")
    # A slider too short for its number grows, with all others.
    page.get_by_label("USD, %", exact=True).fill("100")
    expect(slider).to_have_attribute("max", "100")


def test_everything_is_done_without_a_mouse(
    page: Page,
    visit,
    portfolio: Portfolio,
    coins,
):
    visit("analytics:workbench", portfolio.pk)
    expect(page.get_by_role("button", name="Try Equal risk")).to_be_visible()

    def tab_to(name: str) -> None:
        for _ in range(80):
            if page.evaluate(FOCUSED) == name:
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"no way to {name} by the keyboard")

    tab_to("BTC, slider, %")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("BTC, %", exact=True)).to_have_value("50.5")
    tab_to("BTC, %")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("94")
    expect(page.locator(share(page, coins["BTC"]))).to_contain_text("65.3 % of the money")
    assert page.evaluate(FOCUSED) == "BTC, %"
    tab_to("Normalise")
    page.keyboard.press("Enter")
    expect(page.locator("[data-targets-remainder]")).to_have_text("complete")
    tab_to("Save as targets")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The targets are saved.")).to_be_visible()
    assert portfolio.target_weights.get(asset=coins["BTC"]).weight == Decimal("0.6528")
