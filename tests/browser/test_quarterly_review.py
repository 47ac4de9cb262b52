"""A quarterly review walked from its beginning to the document that is printed."""

from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from analytics.selectors import benches, portfolio_pages
from analytics.selectors import quarterly_reviews as selector
from analytics.services import weight_proposals
from analytics.services.weight_proposals import Kind
from portfolios.models import Asset
from portfolios.templatetags.figures import typed_percent
from tests.browser import pages
from tests.factories import AssetCategoryFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_five_questions_end_as_a_document_that_prints(
    visit, page: Page, portfolio, console
) -> None:
    visit("analytics:review", portfolio.pk)
    expect(page.get_by_role("heading", name="Diversification checklist")).to_be_visible()
    pages.check(page)
    page.get_by_role("link", name="Quarterly review", exact=True).click()
    expect(page.get_by_role("heading", name="Past reviews")).to_be_visible()
    page.get_by_role("button", name="Begin a review").click()
    for number in range(1, 6):
        expect(page.get_by_text(f"Question {number} of 5")).to_be_visible()
        if number == 3:
            page.get_by_label("Something should change").check()
            page.get_by_label("Why, or what").fill("Less Bitcoin, by summer")
        name = "Finish the review" if number == 5 else "Next question"
        page.get_by_role("button", name=name).click()
    expect(page.get_by_text("Less Bitcoin, by summer")).to_be_visible()
    expect(page.get_by_role("button", name="Print, or save as PDF")).to_be_visible()
    pages.check(page)
    assert 1 <= pages.printed(page) <= 2
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print, or save as PDF")).to_be_hidden()
    expect(page.get_by_role("navigation")).to_have_count(0)
    for heading in selector.QUESTIONS:
        expect(page.get_by_role("heading", name=heading.title)).to_be_visible()
    assert console == []


def test_what_a_finding_proposes_opens_in_the_workbench(
    visit, page: Page, portfolio, coins, console
) -> None:
    defi = AssetCategoryFactory(slug="defi", name="DeFi", colour=4)
    Asset.objects.filter(pk=coins["UNI"].pk).update(category=defi)
    Asset.objects.filter(pk=coins["SOL"].pk).update(cap_rank=40)
    visit("analytics:review", portfolio.pk)
    page.get_by_role("link", name="Try it in the workbench: Nothing of DeFi").click()
    expect(page.get_by_text("These weights came with the address.")).to_be_visible()
    # 60, 35 and 5 % are held; 5 % in Uniswap comes from all of them in proportion.
    for symbol, weight in {"UNI": "5", "BTC": "57", "SOL": "33.25", "USD": "4.75"}.items():
        expect(page.get_by_label(f"{symbol}, %", exact=True)).to_have_value(weight)
    assert portfolio.target_weights.get(asset=coins["BTC"]).weight == Decimal("0.5")
    visit("analytics:review", portfolio.pk)
    page.get_by_role("link", name="Try it in the workbench: BTC dominates the risk").click()
    expect(page.get_by_role("status").filter(has_text="Risk budgets")).to_be_visible()
    saved = {target.asset: target.weight for target in portfolio.target_weights.all()}
    bench = benches.read(portfolio, list(saved), run=portfolio_pages.current_run())
    proposed = weight_proposals.propose(
        Kind.RISK_BUDGETS, bench, profile=portfolio.profile, weights=saved
    )
    assert proposed.weights
    for aim, weight in proposed.weights.items():
        field = page.get_by_label(f"{aim.symbol}, %", exact=True)
        expect(field).to_have_value(typed_percent(weight.normalize()))
    pages.check(page)
    assert console == []
