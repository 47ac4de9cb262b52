"""A portfolio as a file."""

import contextlib
import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from portfolios.importers import formats
from portfolios.importers.entries import FileRefused
from portfolios.models import Asset, LotChoice, Portfolio, PositionRule, Transaction
from portfolios.selectors import ledger
from portfolios.services import (
    portfolio_files,
    portfolio_restores,
    rules,
    target_versions,
)
from portfolios.services.errors import PortfolioError
from portfolios.services.rules import Rule
from tests.analytics.test_verdicts import venue
from tests.factories import (
    AssetCategoryFactory,
    AssetFactory,
    PortfolioFactory,
    TargetWeightFactory,
    TransactionFactory,
    UserFactory,
    own_asset,
)
from tests.portfolios.factories import RiskProfileFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EARLY = "0001-01-01T00:00:00+14:00"  # before the first moment in UTC


@pytest.fixture
def portfolio() -> Portfolio:
    owner = UserFactory()
    portfolio = PortfolioFactory(owner=owner, name="=HYPERLINK(1)", notes="two\nlines")
    bitcoin = AssetFactory(coingecko_id="bitcoin")
    euro = AssetFactory(coingecko_id="eur", kind=Asset.Kind.CASH)
    art = AssetCategoryFactory(slug="art", name="Art", colour=9)
    painting = own_asset(
        owner=owner, symbol="ART", name="A painting", category=art, prices={date(2025, 1, 1): 0.1}
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
    target_versions.keep_saved(portfolio)
    target_versions.keep(portfolio, {bitcoin: Decimal(1)}, name="+calm")
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
        == ["setting"] * len(portfolio_files.SETTINGS)
        + ["own_asset", "own_price"]
        + ["target"] * 2
        + ["target_version"] * 3
        + ["transaction"] * 2
    )
    targets = [(row["key"], row["number"]) for row in rows(portfolio) if row["record"] == "target"]
    assert targets == [("own:1", "0.4"), ("category:smart-contract-l1", "0.6")]


def test_no_text_of_the_csv_file_is_a_formula_and_every_text_comes_back(portfolio):
    for row in rows(portfolio):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
    name = next(row for row in rows(portfolio) if row["key"] == "name")
    assert name["text"].removeprefix("'") == "=HYPERLINK(1)"
    told = [row for row in rows(portfolio) if row["record"] == "transaction"]
    notes = [row["note"][1:] for row in told if row["note"]]
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


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_long_ledger_takes_no_more_queries(portfolio, kind, django_assert_max_num_queries):
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    for _ in range(20):
        TransactionFactory(portfolio=portfolio, received_asset=bitcoin, value_asset=None)
    with django_assert_max_num_queries(15):
        "".join(getattr(portfolio_files, f"as_{kind}")(portfolio))


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


class TestRestoring:
    def written(self, portfolio: Portfolio, kind: str) -> str:
        return "".join(getattr(portfolio_files, f"as_{kind}")(portfolio))

    @pytest.fixture
    def rich(self, portfolio) -> Portfolio:
        """With everything that is not as a new portfolio has it."""
        bitcoin = Asset.objects.get(coingecko_id="bitcoin")
        Portfolio.objects.update(
            profile=RiskProfileFactory(), follows_cash=False, lot_method="specific",
            tolerance_band="0.04", fee_rate="0.002",
        )  # fmt: skip
        portfolio.rules.create(asset=bitcoin, band="0.03", trading=1)
        portfolio.rules.create(category=bitcoin.category, relative_band="0.25")
        return Portfolio.objects.get(pk=portfolio.pk)

    @pytest.mark.parametrize("kind", ["csv", "json"])
    @pytest.mark.parametrize("is_same_person", [True, False])
    def test_export_import_export_is_the_identity(self, rich, kind, is_same_person):
        owner = rich.owner if is_same_person else UserFactory()
        before = self.written(rich, kind)
        restored = portfolio_restores.restore(owner=owner, text=before, now=NOW)
        assert self.written(restored, kind) == before
        assert restored.owner == owner
        assert ledger.held(portfolio_id=restored.pk, before=NOW) == dict(
            restored.holdings.values_list("asset_id", "quantity")
        )
        own = Asset.of_anybody.exclude(owner=None)
        assert own.count() == (1 if is_same_person else 2)  # used again, or made anew

    def test_a_spreadsheet_s_line_ends_and_byte_order_mark_do_no_harm(self, rich):
        text = "\ufeff" + self.written(rich, "csv")
        restored = portfolio_restores.restore(owner=rich.owner, text=text, now=NOW)
        assert restored.transactions.count() == 2

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda text: "", "not a portfolio"),
            (lambda text: text.replace("record,", "Record,", 1), "not a portfolio"),
            (lambda text: text.replace("bitcoin", "nobodys-coin"), "known here: “nobodys-coin”"),
            (lambda text: text.replace("category:smart", "category:dumb"), "no category “dumb"),
            (lambda text: text.replace(",0.6,", ",0.7,"), "Targets sum to 110"),
            (lambda text: text.replace("100.5,", "1e999,"), "Transaction 1: sent_quantity"),
            (lambda text: text.replace("100.5,", "NaN,"), "Transaction 1: sent_quantity"),
            (lambda text: text.replace("2025-02-01T", "2999-02-01T"), "yet to come"),
            (lambda text: text.replace("2025-02-01T", "yesterday"), "Transaction 2: "),
            (lambda text: text.replace(",swap,", ",gift,"), "“gift” is no kind"),
            (lambda text: text.replace("1:0.5", "9:0.5"), "a line that is not there"),
            (lambda text: text.replace("fee_rate,0.001", "fee_rate,7"), "The fee must be between"),
            (lambda text: text.replace("target,", "aim,"), "“aim” is no kind of record"),
            (lambda text: text.replace("1:0.5", "1:0"), "cannot be"),
            (lambda text: text.replace("1:0.5", "1:0.5 1:0.5"), "says twice"),
            (lambda text: text.replace("1:0.5", "2:0.5"), "cannot be"),  # of itself
            (lambda text: text.replace("1:0.5", "1:1e30"), "cannot be"),
            (lambda text: text.replace("2025-02-01T00:00:00Z", EARLY), "a moment that cannot be"),
        ],
    )  # fmt: skip
    def test_a_changed_file_is_refused_with_a_sentence_and_nothing_is_made(
        self, portfolio, change, words
    ):
        text = change(self.written(portfolio, "csv"))
        with pytest.raises(PortfolioError, match=words):
            portfolio_restores.restore(owner=UserFactory(), text=text, now=NOW)
        assert Portfolio.objects.get() == portfolio
        assert Asset.of_anybody.exclude(owner=None).count() == 1

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda told: told["transactions"][1].update(fingerprint="f" * 64), "says twice"),
            (
                lambda told: told["own_assets"][0]["prices"].append(
                    {"date": "2025-01-02", "price": "0"}
                ),
                "a price",
            ),
            (lambda told: told["target_versions"][0].update(saved_at=EARLY), "no moment at which"),
        ],
    )
    def test_what_no_table_takes_is_refused_with_a_sentence_and_nothing_is_made(
        self, portfolio, change, words
    ):
        told = json.loads(self.written(portfolio, "json"))
        change(told)
        with pytest.raises(portfolio_restores.RestoreError, match=words):
            portfolio_restores.restore(owner=UserFactory(), text=json.dumps(told), now=NOW)
        assert Portfolio.objects.get() == portfolio
        assert Asset.of_anybody.exclude(owner=None).count() == 1

    @given(data=st.data())
    @example_settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_whatever_is_done_to_a_file_is_read_or_refused_and_never_fails(self, portfolio, data):
        text = self.written(portfolio, data.draw(st.sampled_from(["csv", "json"])))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(text)))
            length = data.draw(st.integers(0, 30))
            text = text[:at] + data.draw(st.text(max_size=8)) + text[at + length :]
        with contextlib.suppress(PortfolioError), transaction.atomic():
            portfolio_restores.restore(owner=portfolio.owner, text=text, now=NOW)
            transaction.set_rollback(True)


@pytest.mark.parametrize("write", [portfolio_files.as_csv, portfolio_files.as_json])
def test_our_own_file_among_histories_is_told_where_it_is_opened(portfolio, write):
    with pytest.raises(FileRefused, match="New portfolio, then From a file"):
        formats.find("".join(write(portfolio)))


def test_a_file_is_opened_on_its_page_or_refused_there(client, portfolio):
    client.force_login(portfolio.owner)
    text = "".join(portfolio_files.as_csv(portfolio)).encode()
    address = "/portfolios/new/file/"
    opened = client.post(address, {"file": SimpleUploadedFile("mine.csv", text)}, follow=True)
    assert "is open, as it was exported." in opened.content.decode()
    assert Portfolio.objects.filter(name=portfolio.name).count() == 2
    for content, words in (
        (b"date,price\n", "not a portfolio that was exported here"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"", "empty"),
        (b"PK\x03\x04", "not a portfolio"),
        (b"record\n" + b"," * (11 * 1024 * 1024), "at most 10 MB"),
    ):
        refused = client.post(address, {"file": SimpleUploadedFile("mine.csv", content)})
        assert refused.status_code == 422
        assert words in refused.content.decode()
    assert Portfolio.objects.count() == 2


@pytest.mark.parametrize("write", [portfolio_files.as_csv, portfolio_files.as_json])
def test_versions_of_the_targets_come_back_as_they_were_saved(portfolio, write):
    again = portfolio_restores.restore(
        owner=portfolio.owner, text="".join(write(portfolio)), now=NOW
    )

    def said(of: Portfolio) -> list[tuple[object, ...]]:
        return [(v.number, v.name, v.lines) for v in of.target_versions.order_by("number")]

    assert len(said(portfolio)) == 2
    assert said(again) == said(portfolio)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_how_it_is_rebalanced_comes_back(portfolio, kind):
    """Where it is traded, when, and by which rules: other than the defaults, each of it."""
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    chosen = {
        "venue": venue(slug="a-venue"),
        "cadence": "adaptive",
        "order_type": "maker",
        "withdraws": True,
        "risk_aversion": Decimal("4.5"),
        "horizon_days": 90,
        "relative_band": Decimal("0.25"),
    }
    told = {
        bitcoin: Rule(Decimal("0.03"), Decimal("0.2"), PositionRule.Trading.NEVER_SOLD),
        bitcoin.category: Rule(band=Decimal("0.12")),
    }
    rules.replace(portfolio=portfolio, rules=told, expected_revision=None, **chosen)
    portfolio.refresh_from_db()
    text = "".join(getattr(portfolio_files, f"as_{kind}")(portfolio))
    again = portfolio_restores.restore(owner=portfolio.owner, text=text, now=NOW)
    again.refresh_from_db()
    assert {name: getattr(again, name) for name in chosen} == chosen
    assert {
        rule.aim: Rule(rule.band, rule.relative_band, rule.trading) for rule in again.rules.all()
    } == told
    gone = text.replace(chosen["venue"].slug, "nowhere")
    with pytest.raises(portfolio_restores.RestoreError, match="no venue “nowhere”"):
        portfolio_restores.restore(owner=portfolio.owner, text=gone, now=NOW)
