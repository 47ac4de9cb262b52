"""The list of portfolios: its figures, its order, and how little it asks of the database."""

import math
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from analytics.models import NightlyRun, PortfolioResult
from analytics.selectors import portfolio_list
from analytics.services import nights
from portfolios.models import DailyPrice, Portfolio
from portfolios.selectors import portfolios as owned
from portfolios.services import portfolios
from tests.factories import (
    AssetFactory,
    DailyPriceFactory,
    HoldingFactory,
    PortfolioFactory,
    UserFactory,
)

Status = PortfolioResult.Status


def read(user: User, *, sort: str = "name", page: str = "1") -> portfolio_list.PortfolioList:
    run = NightlyRun.objects.filter(is_current=True).first()
    in_use = owned.counts(user).in_use
    return portfolio_list.read(user, run=run, in_use=in_use, sort=sort, page=page)


def names(user: User, **asked: str) -> list[str]:
    return [row.portfolio.name for row in read(user, **asked).rows]


def changes(row: portfolio_list.Row) -> list[float | None]:
    return [row.change_1d, row.change_7d, row.change_30d]


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def html_of(user: User, query: str = "", client: Client | None = None) -> str:
    client = client or client_of(user)
    response = client.get(reverse("analytics:portfolio-list") + query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


# --- Changes --------------------------------------------------------------------------------------


def test_changes_are_of_today_s_holdings_at_the_closes_before(hold, coins, as_of):
    portfolio = hold({"BTC": 2, "USD": 100}, {})
    nights.run_to_end(as_of=as_of)
    row = read(portfolio.owner).rows[0]
    for change, days in zip(changes(row), (1, 7, 30), strict=True):
        then = DailyPrice.objects.get(asset=coins["BTC"], date=as_of - timedelta(days=days)).close
        assert change == pytest.approx(300 / (2 * then + 100) - 1)


def test_a_change_is_unknown_when_a_held_asset_had_no_fresh_price_then(hold, as_of):
    portfolio = hold({"BTC": 1}, {})
    young = AssetFactory()
    for days in (0, 1, 20):  # 19 stale days before yesterday
        DailyPriceFactory(asset=young, date=as_of - timedelta(days=days), close=2.0)
    HoldingFactory(portfolio=portfolio, asset=young, quantity=Decimal(5))
    nights.run_to_end(as_of=as_of)
    row = read(portfolio.owner).rows[0]
    assert [change is None or math.isnan(change) for change in changes(row)] == [
        False,
        True,
        True,
    ]
    page = html_of(portfolio.owner)
    assert re.search(r'data-label="7 d, %"> *<span class="">— ', page)


@pytest.mark.django_db
def test_a_change_has_a_sign_and_a_word():
    owner = three_results().owner
    page = html_of(owner)
    assert '<span class="gain">+25.0 up</span>' in page
    assert '<span class="loss">−50.0 down</span>' in page
    assert '<span class="">0.0 unchanged</span>' in page
    assert "Changes are of what you hold today" in page


# --- Order ----------------------------------------------------------------------------------------


def three_results() -> Portfolio:
    """Amber, blue and coral with results, and dun that has changed since the night."""
    owner = UserFactory()
    run = NightlyRun.objects.create(as_of="2024-06-30", is_current=True, state="published")
    nan = float("nan")
    figures = {
        "coral": (100.0, (200.0, 100.0, nan), Status.IN_BALANCE, 0.01),
        "Blue": (300.0, (240.0, nan, 400.0), Status.IN_BREACH, 0.12),
        "amber": (200.0, (200.0, 100.0, 100.0), Status.NO_TARGETS, 0.0),
    }
    for name, (value, earlier, status, drift) in figures.items():
        portfolio = PortfolioFactory(owner=owner, name=name)
        PortfolioResult.objects.create(
            run=run,
            portfolio=portfolio,
            revision=portfolio.revision,
            status=status,
            value=value,
            **dict(zip(("value_1d", "value_7d", "value_30d"), earlier, strict=True)),
            volatility=0.5,
            risk_coverage=1.0,
            band=0.05,
            worst_drift=drift,
            asset_ids=[],
            values=[],
            weights=[],
            target_weights=[],
            risk_contributions=[],
        )
    return PortfolioFactory(owner=owner, name="dun")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", "amber Blue coral dun"),
        ("-name", "dun coral Blue amber"),
        ("value", "coral amber Blue dun"),
        ("-value", "Blue amber coral dun"),
        ("-1d", "Blue amber coral dun"),
        ("7d", "coral amber Blue dun"),
        ("-7d", "amber coral Blue dun"),
        ("30d", "Blue amber coral dun"),
        ("balance", "Blue amber coral dun"),
        ("-drift", "Blue coral amber dun"),
        ("drift", "coral Blue amber dun"),
        ("no such column", "amber Blue coral dun"),
        ("--value", "amber Blue coral dun"),
    ],
)
def test_the_list_is_sorted_by_any_column_and_what_is_unknown_comes_last(sort, order):
    assert " ".join(names(three_results().owner, sort=sort)) == order


@pytest.mark.django_db
def test_each_head_sorts_by_its_column_and_the_sorted_one_turns_round():
    columns = {column.key: column for column in read(three_results().owner, sort="-value").columns}
    assert (columns["value"].direction, columns["value"].sort) == ("descending", "value")
    assert (columns["1d"].direction, columns["1d"].sort) == ("", "-1d")
    assert (columns["name"].direction, columns["name"].sort) == ("", "name")


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["?sort=%00", "?page=-1", "?page=" + "9" * 5000, "?sort=-"])
def test_a_nonsensical_address_shows_the_list_all_the_same(query):
    assert "amber" in html_of(three_results().owner, query)


# --- Many -----------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("sort", ["name", "-value", "-30d", "balance"])
def test_a_thousand_portfolios_among_five_hundred_assets_take_as_many_queries_as_one(sort):
    owner = three_results().owner
    AssetFactory.create_batch(500)
    query, client = f"?sort={sort}", client_of(owner)
    html_of(owner, query, client)
    with CaptureQueriesContext(connection) as few:
        html_of(owner, query, client)
    first, *_ = PortfolioResult.objects.all()
    made = Portfolio.objects.bulk_create(
        Portfolio(owner=owner, name=f"Number {n}") for n in range(996)
    )
    PortfolioResult.objects.bulk_create(result_for(first, portfolio) for portfolio in made)
    with CaptureQueriesContext(connection) as thousand:
        page = html_of(owner, query, client)
    assert "Page 1 of 40" in page
    assert len(thousand) == len(few) <= 7


def result_for(other: PortfolioResult, portfolio: Portfolio) -> PortfolioResult:
    fields = {
        field.attname: getattr(other, field.attname)
        for field in PortfolioResult._meta.concrete_fields
    }
    return PortfolioResult(**{**fields, "portfolio_id": portfolio.pk, "revision": 1})


@pytest.mark.django_db
def test_pages_follow_each_other_in_the_same_order():
    owner = UserFactory()
    for n in range(portfolio_list.PAGE_SIZE + 1):
        PortfolioFactory(owner=owner, name=f"Number {n:02}")
    assert names(owner, page="2") == ["Number 25"]
    page = html_of(owner, "?sort=-name")
    assert 'href="?sort=-name&amp;page=2">Next</a>' in page


@pytest.mark.django_db
def test_what_is_archived_is_folded_away_and_not_in_the_table():
    portfolio = three_results()
    portfolios.archive(portfolio=Portfolio.objects.get(name="Blue"))
    assert names(portfolio.owner) == ["amber", "coral", "dun"]
    page = html_of(portfolio.owner)
    assert '<summary class="card-header">Archived (1)</summary>' in page
