"""The Activity tab: what was typed, what follows, and what is refused."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from portfolios.models import Asset, Portfolio, Transaction
from portfolios.services import transactions
from tests.factories import (
    AssetFactory,
    PortfolioFactory,
    TransactionFactory,
    UserFactory,
    own_asset,
)

pytestmark = pytest.mark.django_db

Kind = Transaction.Kind


@pytest.fixture
def dollar() -> Asset:
    return AssetFactory(coingecko_id="usd", symbol="USD", kind=Asset.Kind.CASH)


@pytest.fixture
def btc() -> Asset:
    return AssetFactory(coingecko_id="bitcoin", symbol="BTC")


@pytest.fixture
def portfolio(dollar, btc) -> Portfolio:
    return PortfolioFactory()


@pytest.fixture
def client(portfolio) -> Client:
    client = Client()
    client.force_login(portfolio.owner)
    return client


def address(name: str, *arguments: object) -> str:
    return reverse(f"portfolios:{name}", args=arguments)


def typed(portfolio: Portfolio, **fields: object) -> dict[str, object]:
    portfolio.refresh_from_db()
    return {"revision": portfolio.revision, "at": "2025-01-31T09:30:05", **fields}


def add(client: Client, portfolio: Portfolio, kind: str, **fields: object):
    place = f"{address('transaction-create', portfolio.pk)}?kind={kind}"
    return client.post(place, typed(portfolio, **fields))


def test_a_purchase_is_added_and_holdings_follow(client, portfolio, btc, dollar):
    answer = add(
        client, portfolio, "buy",
        received_quantity="0.5", received_asset=btc.pk,
        sent_quantity="20000", sent_asset=dollar.pk,
        fee_asset=dollar.pk, note="The first",
    )  # fmt: skip
    assert answer.url == address("activity", portfolio.pk)
    entry = portfolio.transactions.get()
    assert (entry.at, entry.note) == (datetime(2025, 1, 31, 9, 30, 5, tzinfo=UTC), "The first")
    assert (entry.sent_quantity, entry.fee_asset) == (Decimal(20000), None)
    assert portfolio.holdings.get().quantity == Decimal("0.5")
    page = client.get(answer.url).content.decode()
    assert "+0.5 BTC" in page
    assert "−20,000 USD" in page


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in (Kind.BALANCE, Kind.MIGRATION)]
)
def test_every_kind_has_its_form_and_can_be_added_changed_and_removed(client, portfolio, kind, btc):
    eth = AssetFactory(symbol="ETH")
    for asset in (btc, eth):
        TransactionFactory(portfolio=portfolio, received_asset=asset, received_quantity=Decimal(9))
    place = f"{address('transaction-create', portfolio.pk)}?kind={kind}"
    names = re.findall(r'name="(\w+)_quantity"', client.get(place).content.decode())
    assert names
    legs = {f"{leg}_quantity": "1" for leg in names}
    chosen = {"received": eth.pk, "sent": btc.pk, "fee": btc.pk}
    legs |= {f"{leg}_asset": chosen[leg] for leg in names}
    assert add(client, portfolio, kind, **legs).status_code == 302
    entry = portfolio.transactions.get(kind=kind, note="", at__year=2025)
    edit = address("transaction", portfolio.pk, entry.pk)
    assert 'value="1"' in client.get(edit).content.decode()
    assert client.post(edit, typed(portfolio, **legs, note="Changed")).status_code == 302
    entry.refresh_from_db()
    assert entry.note == "Changed"
    removed = client.post(address("transaction-remove", portfolio.pk, entry.pk), typed(portfolio))
    assert removed.url == address("activity", portfolio.pk)
    assert not Transaction.objects.filter(pk=entry.pk).exists()


def test_a_removed_transaction_comes_back_as_it_was(client, portfolio, btc):
    entry = TransactionFactory(
        portfolio=portfolio, received_asset=btc, received_quantity=Decimal("0.000000000000000001"),
        note="“Quoted” & more", external_id="x-1", fingerprint="f" * 64,
    )  # fmt: skip
    transactions.rebuild(portfolio_id=portfolio.pk)
    before = Transaction.objects.filter(pk=entry.pk).values().get()
    page = client.post(
        address("transaction-remove", portfolio.pk, entry.pk), typed(portfolio), follow=True
    ).content.decode()
    assert not portfolio.holdings.exists()
    undo = re.search(r'action="([^"]*restore/[^"]*)"', page)
    assert undo
    client.post(undo[1].replace("&amp;", "&"))
    after = portfolio.transactions.values().get()
    for row in (before, after):
        del row["id"], row["created_at"]
    assert after == before
    assert portfolio.holdings.get().quantity == Decimal("0.000000000000000001")


def test_an_undo_that_was_tampered_with_or_is_of_another_portfolio_does_nothing(client, portfolio):
    other = PortfolioFactory(owner=portfolio.owner)
    entry = TransactionFactory(portfolio=other)
    transactions.rebuild(portfolio_id=other.pk)
    page = client.post(
        address("transaction-remove", other.pk, entry.pk), typed(other), follow=True
    ).content.decode()
    row = re.search(r"restore/\?row=([^\"]*)", page)[1]
    for token in (row, row[:-2], "", "nonsense"):
        place = address("transaction-restore", portfolio.pk)
        told = client.post(f"{place}?row={token}", follow=True).content.decode()
        assert "can no longer be undone" in told
    assert not Transaction.objects.exists()


def test_what_is_wrong_is_said_with_422_and_nothing_is_lost(client, portfolio, btc):
    answer = add(client, portfolio, "buy", received_quantity="lots", received_asset=btc.pk)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Enter a number such as" in page
    assert 'value="lots"' in page
    short = add(client, portfolio, "sell", sent_quantity="0.25", sent_asset=btc.pk)
    assert short.status_code == 422
    assert "that is 0.25 BTC more than is held" in short.content.decode()
    for fields, words in (
        ({"received_quantity": "1"}, "Choose an asset."),
        ({"received_quantity": "NaN", "received_asset": btc.pk}, "Enter a number"),
        ({"received_quantity": "1", "received_asset": btc.pk, "at": "yesterday"}, "such as 2025"),
        ({"received_quantity": "1", "received_asset": btc.pk, "at": "2999-01-01T00:00"}, "to come"),
        ({"received_quantity": "-1", "received_asset": btc.pk}, "above zero"),
        ({"received_quantity": "1", "received_asset": btc.pk, "note": "x\x00"}, "Null characters"),
    ):
        refused = add(client, portfolio, "buy", **fields)
        assert refused.status_code == 422
        assert words in refused.content.decode()
    theirs = own_asset(owner=UserFactory())
    assert (
        add(client, portfolio, "buy", received_quantity="1", received_asset=theirs.pk).status_code
        == 422
    )
    assert not portfolio.transactions.exists()


def test_what_another_tab_changed_is_a_conflict_and_saving_once_more_has_seen_it(
    client, portfolio, btc
):
    stale = typed(portfolio, received_quantity="1", received_asset=btc.pk)
    add(client, portfolio, "buy", received_quantity="2", received_asset=btc.pk)
    place = f"{address('transaction-create', portfolio.pk)}?kind=buy"
    refused = client.post(place, stale)
    assert refused.status_code == 422
    assert "changed in another tab" in refused.content.decode()
    seen = re.search(r'name="revision" value="(\d+)"', refused.content.decode())[1]
    assert client.post(place, stale | {"revision": seen}).status_code == 302
    assert portfolio.holdings.get().quantity == 3
    entry = portfolio.transactions.first()
    told = client.post(
        address("transaction-remove", portfolio.pk, entry.pk), {"revision": 1}, follow=True
    )
    assert "changed in another tab" in told.content.decode()
    assert portfolio.transactions.count() == 2


def test_htmx_gets_the_form_alone_and_is_sent_to_the_list(client, portfolio, btc):
    place = f"{address('transaction-create', portfolio.pk)}?kind=swap"
    headers = {"HX-Request": "true"}
    fragment = client.get(place, headers=headers).content.decode()
    assert fragment.lstrip().startswith('<div id="transaction-form"')
    assert client.post(place, {}, headers=headers).status_code == 422
    saved = client.post(
        f"{address('transaction-create', portfolio.pk)}?kind=buy",
        typed(portfolio, received_quantity="1", received_asset=btc.pk),
        headers=headers,
    )
    assert saved["HX-Redirect"] == address("activity", portfolio.pk)


def test_a_token_migration_can_only_be_removed(client, portfolio, btc):
    eth = AssetFactory(symbol="ETH")
    entry = TransactionFactory(
        portfolio=portfolio, kind=Kind.MIGRATION, sent_asset=btc, sent_quantity=Decimal(1),
        received_asset=eth, received_quantity=Decimal(24000),
    )  # fmt: skip
    page = client.get(address("transaction", portfolio.pk, entry.pk)).content.decode()
    assert "24,000" in page
    assert 'name="at"' not in page


class TestTheList:
    @pytest.fixture
    def filled(self, portfolio, btc) -> Portfolio:
        eth = AssetFactory(symbol="ETH")
        Transaction.objects.bulk_create(
            Transaction(
                portfolio=portfolio,
                kind=Kind.BUY if n % 2 else Kind.INCOME,
                at=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=4 * n),
                received_asset=(btc, eth)[n % 2],
                received_quantity=Decimal(1),
            )
            for n in range(10_000)
        )
        return portfolio

    def test_pages_and_filters_take_as_many_queries_for_10000_rows_as_for_one(
        self, client, filled, django_assert_max_num_queries
    ):
        for asked in ({}, {"page": 200}, {"kind": "buy", "year": "2023"}, {"asset": "x"}):
            with django_assert_max_num_queries(10):
                answer = client.get(address("activity", filled.pk), asked)
            assert answer.status_code == 200
        with django_assert_max_num_queries(12):
            client.get(address("gains", filled.pk))

    def test_filters_narrow_the_list_and_stay_while_paging(self, client, filled, btc):
        page = client.get(address("activity", filled.pk), {"asset": btc.pk, "year": "2021"})
        shown = page.context["page"]
        assert {entry.received_asset_id for entry in shown} == {btc.pk}
        assert {entry.at.year for entry in shown} == {2021}
        assert f"asset={btc.pk}&amp;year=2021&amp;page=2" in page.content.decode()
        nothing = client.get(address("activity", filled.pk), {"kind": "fee"})
        assert "None of that" in nothing.content.decode()
        nonsense = client.get(
            address("activity", filled.pk), {"kind": "gift", "year": "1", "page": "z"}
        )
        assert nonsense.context["page"].paginator.count == 10_000
