"""Planning a rebalance in every way, on a phone in the dark and at a desk in the light."""

from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.models import RegimeDay
from analytics.services import nights
from tests.analytics.test_taxes import HALVES, LOTS, RATES, hold_lots
from tests.browser.pages import REFUSED, check, press, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def choose(page: Page, label: str) -> None:
    """Choose a way, and wait for its plan to stand on the page."""
    with page.expect_response(lambda answer: "mode=" in answer.url):
        page.get_by_text(label, exact=True).click()
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


def test_every_way_has_its_plan(page: Page, visit, portfolio, console):
    visit("analytics:rebalance", portfolio.pk)
    plan = page.locator("#rebalance")
    expect(plan.get_by_text("Act.", exact=True)).to_be_visible()
    check(page)
    for label, words in {
        "Half-way": "Sell BTC",
        "To the nearest band edge": "Sell BTC",
        "To the targets": "Buy SOL",
    }.items():
        choose(page, label)
        expect(plan.get_by_role("row").filter(has_text=words).first).to_be_visible()
        check(page)
    page.get_by_label("Cash, US dollars").fill("100")
    choose(page, "With new cash only")
    expect(plan.get_by_text("This raises risk:")).to_be_visible()
    expect(plan.get_by_role("row").filter(has_text="Buy SOL").first).to_be_visible()
    expect(plan.get_by_role("row").filter(has_text="Sell BTC")).to_have_count(0)
    choose(page, "Raise cash")
    expect(plan.get_by_text("Cash raised, after the cost, USD")).to_be_visible()
    check(page)
    page.get_by_text("What may be traded").click()
    page.get_by_label("Never sell BTC").check()
    expect(plan.get_by_text("never sold")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Never sell BTC")).to_be_checked()
    page.get_by_label("Cash, US dollars").fill("900")
    page.get_by_role("button", name="Show the plan").click()
    expect(plan.get_by_text("What may be sold brings at most about")).to_be_visible()
    check(page)
    # A newer choice ends the request of the one before, and htmx says so in the console.
    ended = ("htmx:afterRequest", "htmx:sendAbort")
    errors = [error for error in console if REFUSED not in error]
    assert [error for error in errors if not error.startswith(ended)] == []
    assert portfolio.holdings.get(asset__symbol="BTC").quantity == Decimal(6)


def test_lots_and_taxes_of_a_plan(page: Page, live_server, coins, as_of, console):
    portfolio = hold_lots(coins, LOTS, HALVES, name="Taxed", lot_method="lifo", **RATES)
    nights.run_to_end(as_of=as_of)
    sign_in(page, live_server.url, portfolio.owner)
    page.goto(live_server.url + reverse("analytics:rebalance", args=[portfolio.pk]))
    plan = page.locator("#rebalance")
    expect(plan.get_by_text("Tax on gains, due later, USD")).to_be_visible()
    plan.get_by_text("1 lot", exact=True).click()
    expect(plan.get_by_text("short-term", exact=False).first).to_be_visible()
    expect(plan.get_by_role("heading", name="Losses that could be harvested")).to_be_visible()
    expect(plan.get_by_text("this plan buys SOL")).to_be_visible()
    check(page)
    for label, ended in {"Half-way": "65.0", "To the nearest band edge": "55.0"}.items():
        choose(page, label)
        bitcoin = plan.locator("tr", has_text="BTC").filter(has_text="80.0")
        expect(bitcoin.get_by_text(ended, exact=True)).to_be_visible()
        page.emulate_media(media="print")
        expect(plan.get_by_text(label, exact=True).and_(plan.locator("strong"))).to_be_visible()
        expect(plan.get_by_text("at 60.00:", exact=False)).to_be_visible()
        page.emulate_media(media="screen")
    page.get_by_text("What may be traded").click()
    with page.expect_response(lambda answer: "only=" in answer.url):
        page.get_by_label("Trade only SOL and others so marked").check()
    expect(plan.get_by_text("not among the only ones to trade")).to_be_visible()
    page.goto(live_server.url + reverse("portfolios:rules", args=[portfolio.pk]))
    page.get_by_label("Tax on a long-term gain, %").fill("")
    page.get_by_role("button", name="Save rules").click()
    expect(page.get_by_text("Give both rates, or neither.")).to_be_visible()
    check(page)
    assert [error for error in console if REFUSED not in error] == []


def test_a_suggestion_is_put_aside_dismissed_and_done(page: Page, visit, portfolio, console):
    visit("analytics:rebalance", portfolio.pk)
    life = page.locator("#suggestion-life")
    expect(life.get_by_text("The suggestion is open")).to_be_visible()
    life.get_by_label("For how long").select_option("14")
    life.get_by_role("button", name="Put aside").click()
    expect(life.get_by_text("Put aside until")).to_be_visible()
    check(page)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(life.get_by_text("The suggestion is open")).to_be_visible()
    life.get_by_role("button", name="Dismiss").click()
    expect(life.get_by_text("Dismissed on")).to_be_visible()
    check(page)
    visit("analytics:overview", portfolio.pk)
    expect(page.locator("#portfolio-result").get_by_text("Dismissed", exact=True)).to_be_visible()
    page.get_by_role("link", name="See the suggestion").click()
    life.get_by_role("button", name="Take it up again").click()
    expect(life.get_by_text("The suggestion is open")).to_be_visible()
    life.get_by_role("link", name="I did it…").click()
    expect(page.get_by_role("heading", name="What was traded")).to_be_visible()
    check(page)
    quantity = page.get_by_label("Units of BTC")
    suggested = quantity.input_value()
    quantity.fill("6000")
    page.get_by_role("button", name="Record the trades").click()
    expect(page.get_by_text("BTC more than is held")).to_be_visible()
    check(page)
    page.get_by_label("Units of BTC").fill(suggested)
    page.get_by_role("button", name="Record the trades").click()
    expect(page.get_by_text("3 trades are in the ledger.")).to_be_visible()
    page.goto(page.url.replace("/rebalance/", "/activity/"))
    expect(page.get_by_text("Followed a suggestion").first).to_be_visible()
    assert [error for error in console if REFUSED not in error] == []


def test_a_tilt_is_looked_at_put_in_force_and_ended(page: Page, live_server, hold, as_of, console):
    portfolio = hold(
        {"BTC": 5, "SOL": 3, "USD": 200}, {"BTC": "0.5", "SOL": "0.3", "USD": "0.2"}, name="Tilted"
    )
    nights.run_to_end(as_of=as_of)
    RegimeDay.objects.filter(date=as_of).update(label=RegimeDay.Label.BEAR)
    sign_in(page, live_server.url, portfolio.owner)
    page.goto(live_server.url + reverse("analytics:rebalance", args=[portfolio.pk]))
    page.get_by_role("link", name="Tilt them to the market").click()
    expect(page.get_by_role("heading", name="Temporary target: bear market")).to_be_visible()
    expect(page.get_by_text("Increase BTC %, increase stables.")).to_be_visible()
    check(page)
    page.get_by_label("It ends after").select_option("14")
    press(page, "Put it in force")
    expect(page.get_by_text("The temporary target is in force.")).to_be_visible()
    page.goto(live_server.url + reverse("portfolios:targets", args=[portfolio.pk]))
    expect(page.get_by_text("Saving them ends it now.")).to_be_visible()
    check(page)
    page.goto(live_server.url + reverse("analytics:tilt", args=[portfolio.pk]))
    expect(page.get_by_text("14 July 2024")).to_be_visible()
    check(page)
    press(page, "End it now")
    expect(page.get_by_text("Your own targets are in force again.")).to_be_visible()
    assert console == []
