"""The wizard from the page of new portfolios to a portfolio, with a mouse and without."""
# ruff: noqa: F401, F811  (fixtures of the wizard's own tests)

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from analytics.services.risk_questions import QUESTIONS
from portfolios.models import Portfolio
from tests.analytics.test_wizards import measured
from tests.browser.pages import REFUSED, check, follow, press, sign_in
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

TITLES = ("Profile", "Core", "Diversifiers", "Sizes", "Stablecoins", "Review")
FOCUSED = "document.activeElement.textContent.trim()"


@pytest.fixture
def at_create(page: Page, live_server, measured) -> None:
    sign_in(page, live_server.url, UserFactory())
    page.goto(live_server.url + reverse("portfolios:portfolio-create"))


def stands_at(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title, exact=True, level=2)).to_be_visible()


def test_questions_lead_to_a_portfolio_with_back_reload_and_a_refusal(
    page: Page, at_create, console
):
    check(page)
    follow(page, "Begin with questions")
    stands_at(page, "Questions")
    for question in QUESTIONS:
        page.get_by_role("group", name=question.text).get_by_label(
            question.options[2], exact=True
        ).check()
    check(page)
    press(page, "Continue")
    for title in TITLES[:-1]:
        stands_at(page, title)
        expect(page.get_by_role("heading", name=title, level=2)).to_be_focused()
        check(page)
        if title == "Core":
            page.get_by_label("Bitcoin, %").fill("50")
            press(page, "Continue")
            expect(page.get_by_text("At most 45 %")).to_be_visible()
            check(page)
            page.get_by_label("Bitcoin, %").fill("32.5")
        press(page, "Continue")
    stands_at(page, "Review")
    expect(page.get_by_text("would have").first).to_be_visible()
    check(page)
    page.go_back()
    stands_at(page, "Stablecoins")
    page.reload()
    stands_at(page, "Stablecoins")
    page.get_by_role("navigation", name="Steps").get_by_role("link", name="Core").click()
    expect(page.get_by_label("Bitcoin, %")).to_have_value("32.5")
    page.get_by_role("navigation", name="Steps").get_by_role("link", name="Review").click()
    stands_at(page, "Review")
    page.get_by_label("Name of the portfolio").fill("From answers")
    press(page, "Open the portfolio")
    expect(page.get_by_text("“From answers” is open with its targets.")).to_be_visible()
    portfolio = Portfolio.objects.get()
    assert sum(target.weight for target in portfolio.target_weights.all()) == 1
    assert all(REFUSED in error for error in console)


def test_everything_is_answered_without_a_mouse(page: Page, at_create, width):
    if width == 360:
        pytest.skip("a phone has no keyboard")
    follow(page, "Begin with questions")
    stands_at(page, "Questions")

    def tab_to(name: str) -> None:
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED) == name:
                return
        raise AssertionError(f"no way to {name} by the keyboard")

    expect(page.get_by_role("heading", name="Questions", exact=True, level=2)).to_be_focused()
    for question in QUESTIONS:
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        group = page.get_by_role("group", name=question.text)
        expect(group.get_by_label(question.options[1], exact=True)).to_be_checked()
    for title in TITLES:
        tab_to("Continue")
        page.keyboard.press("Enter")
        stands_at(page, title)
        expect(page.get_by_role("heading", name=title, level=2)).to_be_focused()
    tab_to("Open the portfolio")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is open with its targets.")).to_be_visible()
