"""Editing facts: with htmx and without, and what happens to input that nobody should send."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from portfolios.models import Asset, Holding, Portfolio
from portfolios.services import portfolios, targets
from tests.factories import (
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    UserFactory,
)
from tests.portfolios.factories import ModelPortfolioFactory, ModelPortfolioLineFactory

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
DAY = date(2024, 12, 31)


@pytest.fixture
def portfolio() -> Portfolio:
    return PortfolioFactory(name="Mine")


@pytest.fixture
def client(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


def quantities(portfolio: Portfolio) -> dict[str, Decimal]:
    return dict(portfolio.holdings.values_list("asset__symbol", "quantity"))


def weights(portfolio: Portfolio) -> dict[str, Decimal]:
    return dict(portfolio.target_weights.values_list("asset__symbol", "weight"))


def revision(portfolio: Portfolio) -> int:
    return Portfolio.objects.get(pk=portfolio.pk).revision


# --- A new portfolio ------------------------------------------------------------------------------


@pytest.fixture
def model():
    """Half Bitcoin at 50,000 and half of what one likes in the category of Test coin DEFI at 2."""
    model = ModelPortfolioFactory(name="Half and half", slug="half")
    bitcoin, defi = AssetFactory(symbol="BTC"), AssetFactory(symbol="DEFI")
    DailyPriceFactory(asset=bitcoin, date=DAY, close=50_000.0)
    DailyPriceFactory(asset=defi, date=DAY, close=2.0)
    ModelPortfolioLineFactory(model_portfolio=model, asset=bitcoin)
    ModelPortfolioLineFactory(
        model_portfolio=model, asset=None, category=defi.category, slot_name="Your choice"
    )
    return model


def create(client: Client, **typed: object):
    return client.post(reverse("portfolios:portfolio-create"), {"name": "New", **typed})


def test_an_empty_portfolio_leads_to_its_overview(client):
    response = create(client)
    made = Portfolio.objects.get(name="New")
    assert response.url == made.get_absolute_url()
    assert not made.holdings.exists()


def test_a_model_is_bought_at_the_latest_closes_with_the_chosen_asset_in_its_slot(client, model):
    other = AssetFactory(symbol="OTHER", category=Asset.objects.get(symbol="DEFI").category)
    DailyPriceFactory(asset=other, date=DAY, close=4.0)
    slot = model.lines.get(asset=None)
    create(client, start="half", amount="1000", **{f"slot-{slot.pk}": other.pk})
    made = Portfolio.objects.get(name="New")
    assert quantities(made) == {"BTC": Decimal("0.01"), "OTHER": Decimal(125)}
    assert weights(made) == {"BTC": Decimal("0.5"), "OTHER": Decimal("0.5")}


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": " "}, "This field is required."),
        ({"start": "half"}, "Enter the amount to invest in the model."),
        ({"start": "half", "amount": "1e400"}, "less than or equal to 1000000000000"),
        ({"start": "half", "amount": "NaN"}, "Enter a number such as 1250.75"),
        ({"start": "no-such-model", "amount": "5"}, "Select a valid choice."),
    ],
)
def test_a_portfolio_that_cannot_be_opened_says_why(client, model, typed, sentence):
    response = create(client, **typed)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Portfolio.objects.exclude(name="Mine").exists()


def test_a_model_with_an_asset_without_a_price_names_it(client, model):
    model.lines.filter(asset__symbol="BTC").update(asset=AssetFactory(symbol="NOPE"))
    response = create(client, start="half", amount="1000")
    assert response.status_code == 422
    assert "There is no price for NOPE" in response.content.decode()


def test_the_form_says_at_which_day_s_prices_a_model_is_bought(client, model):
    page = client.get(reverse("portfolios:portfolio-create")).content.decode()
    assert "closing prices of 31 December 2024 (UTC)" in page


def test_a_name_with_markup_is_shown_as_it_was_typed(client):
    create(client, name="<script>alert(1)</script>")
    made = Portfolio.objects.exclude(name="Mine").get()
    for url in ("portfolios:holdings", "portfolios:settings", "portfolios:targets"):
        page = client.get(reverse(url, args=[made.pk])).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


# --- Holdings -------------------------------------------------------------------------------------


def url_of(holding: Holding, action: str = "holding") -> str:
    return reverse(f"portfolios:{action}", args=[holding.portfolio_id, holding.pk])


@pytest.fixture
def holding(portfolio) -> Holding:
    bitcoin = AssetFactory(symbol="BTC")
    DailyPriceFactory(asset=bitcoin, date=DAY, close=50_000.0)
    return HoldingFactory(portfolio=portfolio, asset=bitcoin, quantity=Decimal("0.5"))


def test_holdings_are_shown_with_quantity_price_value_and_day(client, holding):
    page = client.get(reverse("portfolios:holdings", args=[holding.portfolio_id])).content.decode()
    assert "25,000.00" in page
    assert "Closing prices of 31 December 2024 (UTC)." in page


def test_a_holding_without_a_price_is_named_beside_the_sum(client, holding):
    HoldingFactory(portfolio=holding.portfolio, asset__symbol="NOPE")
    page = client.get(reverse("portfolios:holdings", args=[holding.portfolio_id])).content.decode()
    assert "There is no price for NOPE; the sum is without it." in " ".join(page.split())


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
def test_a_holding_is_added(client, portfolio, headers):
    asset = AssetFactory(symbol="ETH")
    url = reverse("portfolios:holdings", args=[portfolio.pk])
    typed = {"asset": asset.pk, "quantity": "1.000000000000000001", "revision": 1}
    response = client.post(url, typed, headers=headers)
    assert quantities(portfolio) == {"ETH": Decimal("1.000000000000000001")}
    assert revision(portfolio) == 2
    check_answer(response, portfolio, headers, shown="1.00000000")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
def test_a_holding_is_changed_in_place(client, holding, headers):
    form = client.get(url_of(holding), headers=headers).content.decode()
    assert 'value="0.5"' in form
    response = client.post(url_of(holding), {"quantity": "0.75", "revision": 1}, headers=headers)
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.75")}
    check_answer(response, holding.portfolio, headers, shown="37,500.00")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
def test_a_holding_is_removed_after_a_question(client, holding, headers):
    question = client.get(url_of(holding, "holding-remove"), headers=headers).content.decode()
    assert "Remove 0.5 BTC?" in question
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.5")}
    response = client.post(url_of(holding, "holding-remove"), {"revision": 1}, headers=headers)
    assert quantities(holding.portfolio) == {}
    check_answer(response, holding.portfolio, headers, shown="Nothing held yet")


def check_answer(response, portfolio: Portfolio, headers: Mapping[str, str], shown: str) -> None:
    """htmx gets the table and a toast beside it; a plain form is sent to the page."""
    if headers:
        assert response.status_code == 200
        fragment = response.content.decode()
        assert "<html" not in fragment
        assert 'id="holdings"' in fragment
        assert 'hx-swap-oob="true"' in fragment
        assert shown in fragment
    else:
        assert response.status_code == 302
        assert response.url == reverse("portfolios:holdings", args=[portfolio.pk])


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
@pytest.mark.parametrize(
    ("quantity", "sentence"),
    [
        ("", "This field is required."),
        ("NaN", "Enter a number such as 1250.75"),
        ("-1", "The quantity must be above zero."),
        ("0", "To hold none, remove the holding."),
        ("1e400", "The quantity must be below"),
        ("1e-19", "more than 18 decimals"),
        ("<script>", "Enter a number such as 1250.75"),
        ("9" * 100_000, "The quantity must be below"),
    ],
    ids=["missing", "NaN", "negative", "zero", "huge", "too fine", "markup", "endless"],
)
def test_an_impossible_quantity_is_422_and_nothing_is_saved(
    client, holding, quantity, sentence, headers
):
    urls = [url_of(holding), reverse("portfolios:holdings", args=[holding.portfolio_id])]
    typed = {"quantity": quantity, "asset": AssetFactory().pk, "revision": 1}
    for url in urls:
        response = client.post(url, typed, headers=headers)
        assert response.status_code == 422
        assert sentence in unescape(response.content.decode())
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.5")}
    assert revision(holding.portfolio) == 1


@pytest.mark.parametrize("asset", ["", "0", "-1", "abc", "9" * 40, "held", "inactive"])
def test_an_asset_that_is_not_offered_is_422(client, holding, asset):
    named = {"held": holding.asset.pk, "inactive": AssetFactory(is_active=False).pk}
    response = client.post(
        reverse("portfolios:holdings", args=[holding.portfolio_id]),
        {"asset": named.get(asset, asset), "quantity": "1", "revision": 1},
    )
    assert response.status_code == 422
    assert "Choose an asset" in response.content.decode()
    assert revision(holding.portfolio) == 1


def test_a_holding_of_another_portfolio_of_the_same_owner_is_404(client, holding):
    other = PortfolioFactory(owner=holding.portfolio.owner)
    url = reverse("portfolios:holding", args=[other.pk, holding.pk])
    assert client.post(url, {"quantity": "9"}).status_code == 404
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.5")}


# --- Two tabs -------------------------------------------------------------------------------------


def test_a_quantity_changed_meanwhile_is_shown_before_it_may_be_replaced(client, holding):
    client.post(url_of(holding), {"quantity": "0.75", "revision": 1})
    refused = client.post(url_of(holding), {"quantity": "0.6", "revision": 1}, headers=HTMX)
    assert refused.status_code == 422
    page = " ".join(refused.content.decode().split())
    assert "This portfolio was changed in another tab." in page
    assert "Saved now: 0.75." in page
    assert 'value="0.6"' in page
    assert 'name="revision" value="2"' in page
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.75")}
    client.post(url_of(holding), {"quantity": "0.6", "revision": 2})
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.6")}


def test_a_holding_changed_meanwhile_is_not_removed_without_asking_again(client, holding):
    client.post(url_of(holding), {"quantity": "0.75", "revision": 1})
    refused = client.post(url_of(holding, "holding-remove"), {"revision": 1}, headers=HTMX)
    assert refused.status_code == 422
    page = " ".join(refused.content.decode().split())
    assert "This portfolio was changed in another tab." in page
    assert "Remove 0.75 BTC?" in page
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.75")}


def test_an_asset_added_in_both_tabs_keeps_its_first_quantity(client, portfolio):
    url, asset = reverse("portfolios:holdings", args=[portfolio.pk]), AssetFactory(symbol="ETH")
    client.post(url, {"asset": asset.pk, "quantity": "1", "revision": 1})
    refused = client.post(url, {"asset": asset.pk, "quantity": "2", "revision": 1})
    assert refused.status_code == 422
    assert quantities(portfolio) == {"ETH": Decimal(1)}


@pytest.mark.parametrize("action", ["holding", "holding-remove"])
def test_a_row_that_was_removed_elsewhere_leaves_the_table_with_a_word(client, holding, action):
    other = HoldingFactory(portfolio=holding.portfolio, asset__symbol="ETH")
    url = url_of(holding, action)
    client.post(url_of(holding, "holding-remove"), {"revision": 1})
    for response in (client.get(url, headers=HTMX), client.post(url, headers=HTMX)):
        page = response.content.decode()
        assert "That holding was removed in another tab." in page
        assert other.asset.symbol in page
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("seen", ["", "x", "-1", "99", "9" * 40])
def test_a_write_without_the_revision_that_was_seen_is_refused_with_a_sentence(
    client, holding, seen
):
    pages = ["portfolios:holdings", "portfolios:targets", "portfolios:settings"]
    urls = [reverse(page, args=[holding.portfolio_id]) for page in pages]
    fields = {**SETTINGS, "quantity": "9", "asset": AssetFactory().pk, "revision": seen}
    fields[f"weight-{holding.asset.pk}"] = "100"
    for url in [*urls, url_of(holding), url_of(holding, "holding-remove")]:
        response = client.post(url, fields)
        assert (url, response.status_code) == (url, 422)
        page = response.content.decode()
        assert "This page is out of date" in page or "changed in another tab" in page
    assert quantities(holding.portfolio) == {"BTC": Decimal("0.5")}
    assert revision(holding.portfolio) == 1


# --- Targets --------------------------------------------------------------------------------------


@pytest.fixture
def aimed(portfolio) -> Portfolio:
    """60 % Bitcoin, 40 % Ether; Solana is held without a target."""
    for symbol, weight in (("BTC", "0.6"), ("ETH", "0.4")):
        TargetWeightFactory(
            portfolio=portfolio, asset=AssetFactory(symbol=symbol), weight=Decimal(weight)
        )
    HoldingFactory(portfolio=portfolio, asset=AssetFactory(symbol="SOL"))
    return portfolio


def set_targets(client, portfolio, percentages, *, seen: int = 1, headers=None, **more):
    fields = {
        f"weight-{Asset.objects.get(symbol=symbol).pk}": text
        for symbol, text in percentages.items()
    }
    url = reverse("portfolios:targets", args=[portfolio.pk])
    return client.post(url, {"revision": seen, **fields, **more}, headers=headers or {})


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
def test_targets_are_saved_together(client, aimed, headers):
    percentages = {"BTC": "50", "ETH": "", "SOL": "50"}
    response = set_targets(client, aimed, percentages, headers=headers)
    assert weights(aimed) == {"BTC": Decimal("0.5"), "SOL": Decimal("0.5")}
    assert revision(aimed) == 2
    leads_to = response.headers["HX-Redirect"] if headers else response.url
    assert leads_to == aimed.get_absolute_url()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
@pytest.mark.parametrize(
    ("percentages", "sentence"),
    [
        ({"BTC": "60", "ETH": "38.5"}, "Targets sum to 98.50 %. Add 1.50 % more."),
        ({"BTC": "100", "ETH": "0.0000001"}, "Targets sum to 100.0000001 %."),
        ({}, "Targets sum to 0.00 %. Add 100.00 % more."),
        ({"BTC": "150", "ETH": "-50"}, "less than or equal to 100"),
        ({"BTC": "100", "ETH": "-0.1"}, "greater than or equal to 0"),
        ({"BTC": "NaN", "ETH": "40"}, "Enter a number such as 1250.75"),
        ({"BTC": "Infinity"}, "Enter a number such as 1250.75"),
        ({"BTC": "1e400"}, "less than or equal to 100"),
        ({"BTC": "<b>60</b>", "ETH": "40"}, "Enter a number such as 1250.75"),
        ({"BTC": "33.33333333", "ETH": "66.66666667"}, "7 decimal places"),
    ],
)
def test_targets_that_are_not_a_whole_are_422_and_the_old_ones_stay(
    client, aimed, percentages, sentence, headers
):
    response = set_targets(client, aimed, percentages, headers=headers)
    assert response.status_code == 422
    assert sentence in unescape(response.content.decode())
    assert weights(aimed) == {"BTC": Decimal("0.6"), "ETH": Decimal("0.4")}
    assert revision(aimed) == 1


def test_what_was_typed_stays_in_the_refused_form(client, aimed):
    page = set_targets(client, aimed, {"BTC": "61.25", "ETH": "<b>"}).content.decode()
    assert 'value="61.25"' in page
    assert 'value="&lt;b&gt;"' in page


def test_targets_changed_meanwhile_are_shown_before_they_may_be_replaced(client, aimed):
    elsewhere = Portfolio.objects.get(pk=aimed.pk)
    bitcoin = Asset.objects.get(symbol="BTC")
    targets.replace(portfolio=elsewhere, weights={bitcoin: Decimal(1)}, expected_revision=1)

    refused = set_targets(client, aimed, {"BTC": "50", "ETH": "50"}, seen=1)
    assert refused.status_code == 422
    page = " ".join(refused.content.decode().split())
    assert "This portfolio was changed in another tab." in page
    assert '<td class="num">100</td>' in page  # what is saved now
    assert 'name="revision" value="2"' in page
    assert weights(aimed) == {"BTC": Decimal(1)}

    set_targets(client, aimed, {"BTC": "50", "ETH": "50"}, seen=2)
    assert weights(aimed) == {"BTC": Decimal("0.5"), "ETH": Decimal("0.5")}


@pytest.mark.parametrize("seen", ["", "x", "-1", "99", "9" * 40])
def test_targets_decided_on_an_unknown_revision_are_not_saved(client, aimed, seen):
    assert set_targets(client, aimed, {"BTC": "100"}, seen=seen).status_code == 422
    assert weights(aimed) == {"BTC": Decimal("0.6"), "ETH": Decimal("0.4")}


def test_an_asset_is_added_to_the_form_and_saved_with_the_others(client, aimed):
    added = AssetFactory(symbol="AVAX")
    typed = {"BTC": "50", "ETH": "30"}
    page = set_targets(client, aimed, typed, adding="1", add=added.pk)
    assert page.status_code == 200
    html = page.content.decode()
    assert f'name="weight-{added.pk}"' in html
    assert 'value="30"' in html
    assert "20 % left" in html
    assert revision(aimed) == 1
    set_targets(client, aimed, {**typed, "AVAX": "20"})
    assert weights(aimed)["AVAX"] == Decimal("0.2")


@pytest.mark.parametrize("key", ["abc", "-1", "9" * 30, "9" * 900, "²", ""])
def test_a_field_for_no_asset_does_no_harm(client, aimed, key):
    response = set_targets(client, aimed, {"BTC": "100"}, **{f"weight-{key}": "50"})
    assert response.status_code == 302
    assert weights(aimed) == {"BTC": Decimal(1)}


def test_a_target_for_an_asset_that_is_not_offered_is_not_taken(client, aimed):
    AssetFactory(symbol="RETIRED", is_active=False)
    response = set_targets(client, aimed, {"BTC": "50", "RETIRED": "50"})
    assert response.status_code == 422
    assert "RETIRED" not in weights(aimed)


# --- Settings and the end -------------------------------------------------------------------------

SETTINGS = {
    "name": "Renamed",
    "tolerance_band": "4",
    "wide_band": "8",
    "fee_rate": "0.25",
    "notes": "For the long run",
    "revision": "1",
}


def test_settings_are_saved_as_fractions(client, portfolio):
    client.post(reverse("portfolios:settings", args=[portfolio.pk]), SETTINGS)
    saved = Portfolio.objects.get(pk=portfolio.pk)
    assert (saved.name, saved.notes, saved.revision) == ("Renamed", "For the long run", 2)
    assert (saved.tolerance_band, saved.wide_band, saved.fee_rate) == (
        Decimal("0.04"),
        Decimal("0.08"),
        Decimal("0.0025"),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"tolerance_band": "9"},
        {"tolerance_band": "-4"},
        {"wide_band": "1e400"},
        {"fee_rate": "NaN"},
        {"fee_rate": "<script>alert(1)</script>"},
        {"notes": "n" * 5001},
        {"notes": "\x00"},
        {"revision": ""},
        {"revision": "9" * 40},
    ],
    ids=str,
)
def test_impossible_settings_are_422_and_nothing_is_saved(client, portfolio, change):
    response = client.post(
        reverse("portfolios:settings", args=[portfolio.pk]), {**SETTINGS, **change}
    )
    assert response.status_code == 422
    page = response.content.decode()
    assert "<script>alert" not in page
    assert "Mine</span>" in page  # the head still bears the name that is saved
    saved = Portfolio.objects.get(pk=portfolio.pk)
    assert (saved.name, saved.tolerance_band, saved.revision) == ("Mine", Decimal("0.05"), 1)


def test_an_empty_settings_form_is_422_too(client, portfolio):
    assert client.post(reverse("portfolios:settings", args=[portfolio.pk])).status_code == 422


def test_settings_changed_meanwhile_are_shown_before_they_may_be_replaced(client, portfolio):
    url = reverse("portfolios:settings", args=[portfolio.pk])
    client.post(url, {**SETTINGS, "notes": "From the other tab", "fee_rate": "0.5"})
    typed = {**SETTINGS, "name": "Mine still", "notes": "From this tab"}
    refused = client.post(url, typed)
    assert refused.status_code == 422
    page = " ".join(refused.content.decode().split())
    assert "This portfolio was changed in another tab." in page
    assert "Saved now: From the other tab" in page
    assert "Saved now: 0.5" in page
    assert "Saved now: 4" not in page  # what both tabs agree on
    assert "From this tab" in page
    assert 'name="revision" value="2"' in page
    assert Portfolio.objects.get(pk=portfolio.pk).notes == "From the other tab"
    client.post(url, {**typed, "revision": "2"})
    assert Portfolio.objects.get(pk=portfolio.pk).notes == "From this tab"


def follow(client: Client, action: str, portfolio: Portfolio) -> str:
    """Post an action of the portfolio; the page that it leads to."""
    url = reverse(f"portfolios:portfolio-{action}", args=[portfolio.pk])
    return " ".join(client.post(url, follow=True).content.decode().split())


def test_a_portfolio_is_deleted_after_a_question_and_the_toast_undoes_it(client, holding):
    portfolio = holding.portfolio
    url = reverse("portfolios:portfolio-delete", args=[portfolio.pk])
    assert "Delete “" in client.get(url).content.decode()
    assert Portfolio.objects.visible_to(portfolio.owner).exists()
    page = follow(client, "delete", portfolio)
    undo = reverse("portfolios:portfolio-undelete", args=[portfolio.pk])
    toast = page.partition("is deleted.")[2].partition("</form>")[0]
    assert f'action="{undo}"' in toast
    assert "No portfolio yet" in page
    assert client.get(portfolio.get_absolute_url()).status_code == 404
    assert "“Mine” is back." in follow(client, "undelete", portfolio)
    assert client.get(portfolio.get_absolute_url()).status_code == 200


def test_deleting_in_two_tabs_is_deleting_once(client, portfolio, monkeypatch):
    from portfolios.views import portfolios as views

    def delete_twice(**arguments: object) -> None:
        delete(**arguments)
        delete(**arguments)

    delete = views.portfolios.delete
    monkeypatch.setattr(views.portfolios, "delete", delete_twice)
    assert "“Mine” is deleted." in follow(client, "delete", portfolio)


def test_an_archived_portfolio_is_folded_away_and_can_be_restored(client, portfolio):
    page = follow(client, "archive", portfolio)
    assert "Archived (1)" in page
    assert "not measured any more" in client.get(portfolio.get_absolute_url()).content.decode()
    page = follow(client, "restore", portfolio)
    assert "Archived (" not in page
    assert "measured again" in page


def test_a_copy_opens_with_what_its_original_holds(client, holding):
    page = follow(client, "clone", holding.portfolio)
    assert "This is a copy of “Mine”." in page
    made = Portfolio.objects.get(name="Copy of Mine")
    assert quantities(made) == {"BTC": Decimal("0.5")}


def test_an_edit_of_a_portfolio_deleted_in_that_moment_is_refused(client, portfolio, monkeypatch):
    asset = AssetFactory()
    from portfolios.views import holdings as views

    def delete_first(**arguments: object) -> Holding:
        portfolios.delete(portfolio=portfolio)
        return save(**arguments)

    save = views.balances.save
    monkeypatch.setattr(views.balances, "save", delete_first)
    url = reverse("portfolios:holdings", args=[portfolio.pk])
    response = client.post(url, {"asset": asset.pk, "quantity": "1", "revision": 1})
    assert response.status_code == 422
    assert "deleted in another tab" in response.content.decode()


def test_only_one_s_own_portfolios_are_listed(client, portfolio):
    PortfolioFactory(owner=UserFactory(), name="Of somebody else")
    page = client.get(reverse("analytics:portfolio-list")).content.decode()
    assert "Mine" in page
    assert "Of somebody else" not in page


# --- Finding an asset -----------------------------------------------------------------------------


def found(client, text: str) -> list[str]:
    page = client.get(reverse("portfolios:asset-options"), {"q": text}).content.decode()
    return re.findall(r'id="asset-option-\d+"|(?<=small text-secondary">)\S+', page)[1::2]


def test_a_search_finds_ticker_name_and_id_the_very_ticker_first(client):
    AssetFactory(symbol="NEARX", name="Another", coingecko_id="another", cap_rank=1)
    AssetFactory(symbol="NEAR", name="NEAR Protocol", coingecko_id="near", cap_rank=25)
    AssetFactory(symbol="XYZ", name="So near", coingecko_id="xyz", cap_rank=2)
    AssetFactory(symbol="OLD", name="Nearly", coingecko_id="nearly", is_active=False)
    assert found(client, " near ") == ["near", "another", "xyz"]


@pytest.mark.parametrize("text", ["", " ", "\x00", "%", "_", "'; --", "z" * 10_000])
def test_a_search_for_nonsense_finds_nothing_and_does_no_harm(client, text):
    AssetFactory(symbol="BTC", name="Bitcoin", coingecko_id="bitcoin")
    assert found(client, text) == []
