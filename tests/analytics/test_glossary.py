"""Every figure has a short explanation: in place, and in the glossary."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse

from analytics.selectors import checklist, glossary, quarterly_reviews
from analytics.services import workbench
from tests.factories import UserFactory

TEMPLATES = Path(__file__).parents[2] / "templates"
# What pages of figures must explain.
EXPLAINED = {
    "_portfolio_result.html": {"value", "tolerance_band"},
    "_positions.html": {"weight", "target_weight", "drift", "tolerance_band", "share_of_risk"},
    "_categories.html": {"share_of_risk"},
    "_calculated.html": {"portfolio_volatility", "risk_coverage"},
    "_performance_figures.html": {"time_weighted_return", "sharpe_ratio", "max_drawdown"},
    "_regime.html": {"regime"},
    "_correlation_heatmap.html": {"correlation"},
    "_clusters.html": {"cluster"},
    "_volatility_estimators.html": {"volatility"},
    "_additions.html": {"portfolio_volatility", "cvar", "correlation", "effective_bets"},
    "_redundancies.html": {"cluster", "weight", "portfolio_volatility", "effective_bets"},
    "_proposals.html": {"portfolio_volatility", "cvar", "core_share", "stablecoin_share"},
    "_asset_figures.html": {"price", "below_peak", "price_coverage", "tier", "assumed_yield"},
    "_wizard_weights.html": {"weight", "share_of_risk"},
    "_wizard_buffer.html": {"portfolio_volatility", "max_drawdown"},
    "_wizard_diversifiers.html": {"correlation", "volatility"},
    "asset_list.html": {"price", "history_age", "relative_strength", "tier", "price_coverage"},
    "target_versions.html": {"target_weight"},
    "defi_allocation.html": {"risk_score", "stablecoin_share", "weight", "assumed_yield"},
}


def rendered(source: str) -> str:
    return Template("{% load glossary %}" + source).render(Context())


def test_every_term_says_what_how_who_and_in_which_unit():
    for term in glossary.terms().values():
        for field in ("group", "title", "unit", "text", "formula", "source"):
            assert getattr(term, field).strip(), (term.key, field)
        assert "advice" not in term.text
        assert len(term.text) < 320, f"{term.key} is too long to be read in place"


def test_an_explanation_holds_everything_and_opens_without_a_script():
    term = glossary.find("drift")
    html = rendered('{% explain "drift" %}')
    for words in (term.title, term.text, term.formula, term.source):
        assert words in html.replace("&#x27;", "'")
    button, popover = re.search(r'popovertarget="([^"]+)"', html), re.search(r'id="([^"]+)"', html)
    assert button[1] == popover[1]
    assert f'href="{reverse("analytics:glossary")}#drift"' in html
    assert "style=" not in html


def test_two_explanations_of_one_figure_on_a_page_do_not_open_each_other():
    html = rendered('{% explain "drift" %}{% explain "drift" %}')
    assert len(set(re.findall(r' id="([^"]+)"', html))) == 2


def test_a_page_cannot_promise_an_explanation_that_is_missing():
    with pytest.raises(LookupError, match="no 'moonshine'"):
        rendered('{% explain "moonshine" %}')


@pytest.mark.parametrize("template", EXPLAINED)
def test_pages_explain_their_figures_in_place(template):
    source = (TEMPLATES / "analytics" / template).read_text()
    assert EXPLAINED[template] <= set(re.findall(r'{% explain "(\w+)"', source))


def test_figures_that_pages_list_line_by_line_name_terms_that_exist():
    named = {
        *checklist.TERMS.values(),
        *quarterly_reviews.TERMS.values(),
        *(term for *_, term in workbench.FIGURES),
    }
    assert named <= set(glossary.terms()), named - set(glossary.terms())


@pytest.mark.django_db
def test_the_glossary_is_no_place_of_the_menu(client):
    client.force_login(UserFactory())
    assert "nav-item active" not in client.get(reverse("analytics:glossary")).text
    assert "nav-item active" in client.get(reverse("analytics:tools")).text


@pytest.mark.parametrize(
    ("template", "row"),
    [
        ("_review_lines.html", "line"),
        ("_asset_quarter.html", "change"),
        ("_checklist.html", "line"),
        ("_workbench_figures.html", "row"),
        ("_wizard_review.html", "row"),
        ("target_versions.html", "row"),
    ],
)
def test_lines_explain_themselves(template, row):
    assert f"{{% explain {row}.term %}}" in (TEMPLATES / "analytics" / template).read_text()


def test_every_template_names_terms_that_exist():
    named = {
        name
        for path in TEMPLATES.rglob("*.html")
        for tag in re.findall(r"{% explain_all ([^%]*)%}|{% explain (\S+)", path.read_text())
        for name in re.findall(r'"(\w+)"', " ".join(tag))
    }
    assert named <= set(glossary.terms()), named - set(glossary.terms())


@pytest.mark.django_db
def test_the_glossary_shows_all_of_them_to_anybody():
    page = Client().get(reverse("analytics:glossary")).text
    for term in glossary.terms().values():
        assert f'id="{term.key}"' in page
