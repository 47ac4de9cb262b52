"""A portfolio as a file."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from portfolios.models import Asset, LotChoice, Portfolio, Transaction
from portfolios.services import portfolio_files
from tests.factories import (
    AssetFactory,
    PortfolioFactory,
    TargetWeightFactory,
    TransactionFactory,
    UserFactory,
    own_asset,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def portfolio() -> Portfolio:
    owner = UserFactory()
    portfolio = PortfolioFactory(owner=owner, name="=HYPERLINK(1)", notes="two\nlines")
    bitcoin = AssetFactory(coingecko_id="bitcoin")
    euro = AssetFactory(coingecko_id="eur", kind=Asset.Kind.CASH)
    painting = own_asset(
        owner=owner, symbol="ART", name="A painting", prices={date(2025, 1, 1): 0.1}
    )
    bought = TransactionFactory(
        portfolio=portfolio,
        at=datetime(2025, 1, 31, 9, 30, 0, 5, tzinfo=UTC),
        received_asset=bitcoin,
        received_quantity=Decimal("12345678901.000000000000000001"),
        sent_asset=euro,
        sent_quantity=Decimal("100.50"),
        note="'quoted",
        fingerprint="f" * 64,
    )
    sold = TransactionFactory(
        portfolio=portfolio,
        at=datetime(2025, 2, 1, tzinfo=UTC),
        kind=Transaction.Kind.SWAP,
        sent_asset=bitcoin,
        sent_quantity=Decimal(1),
        received_asset=painting,
        note="@risk",
    )
    LotChoice.objects.create(sale=sold, purchase=bought, quantity=Decimal("0.5"))
    TargetWeightFactory(portfolio=portfolio, asset=painting, weight=Decimal("0.4"))
    portfolio.target_weights.create(category=bitcoin.category, weight=Decimal("0.6"))
    return portfolio


def rows(portfolio: Portfolio) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(portfolio_files.as_csv(portfolio)))))


def test_the_csv_file_says_everything_exactly_and_in_utc(portfolio):
    bought, sold = (row for row in rows(portfolio) if row["record"] == "transaction")
    assert bought["at"] == "2025-01-31T09:30:00.000005Z"
    assert bought["received_quantity"] == "12345678901.000000000000000001"
    assert (bought["received_asset"], bought["sent_asset"]) == ("bitcoin", "eur")
    assert bought["sent_quantity"] == "100.5"
    assert (sold["received_asset"], sold["lots"]) == ("own:1", "1:0.5")
    by_record = [row["record"] for row in rows(portfolio)]
    assert (
        by_record
        == ["setting"] * 8 + ["own_asset", "own_price"] + ["target"] * 2 + ["transaction"] * 2
    )
    targets = [(row["key"], row["number"]) for row in rows(portfolio) if row["record"] == "target"]
    assert targets == [("own:1", "0.4"), ("category:smart-contract-l1", "0.6")]


def test_no_text_of_the_csv_file_is_a_formula_and_every_text_comes_back(portfolio):
    for row in rows(portfolio):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
    name = next(row for row in rows(portfolio) if row["key"] == "name")
    assert name["text"].removeprefix("'") == "=HYPERLINK(1)"
    notes = [row["note"][1:] for row in rows(portfolio) if row["note"]]
    assert notes == ["'quoted", "@risk"]


def test_the_json_file_says_the_same(portfolio):
    told = json.loads("".join(portfolio_files.as_json(portfolio)))
    assert (told["format"], told["version"]) == ("evenkeel-portfolio", 1)
    assert told["settings"]["name"] == "=HYPERLINK(1)"
    assert told["own_assets"][0]["prices"] == [{"date": "2025-01-01", "price": "0.1"}]
    unguarded = [
        {
            name: row[name][1:] if row[name].startswith("'") else row[name]
            for name in portfolio_files.TRANSACTION
        }
        for row in rows(portfolio)
        if row["record"] == "transaction"
    ]
    assert told["transactions"] == unguarded


def test_an_empty_portfolio_is_a_file_too():
    told = json.loads("".join(portfolio_files.as_json(PortfolioFactory())))
    assert (told["transactions"], told["targets"], told["own_assets"]) == ([], [], [])


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_only_its_owner_has_the_file(client, portfolio, kind):
    address = f"/portfolios/{portfolio.pk}/export.{kind}"
    client.force_login(portfolio.owner)
    answer = client.get(address)
    written = "".join(getattr(portfolio_files, f"as_{kind}")(portfolio))
    assert b"".join(answer.streaming_content).decode() == written
    assert f".{kind}" in answer["Content-Disposition"]
    client.force_login(UserFactory())
    assert client.get(address).status_code == 404
