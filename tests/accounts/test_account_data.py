"""Taking one's data along, and leaving without a trace."""

import csv
import io
import json
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from accounts.models import OutgoingEmail, User
from accounts.services import exports, outbox
from analytics.models import AlertEvent, BreachEpisode, NightlyRun, PortfolioResult
from portfolios.models import Asset, ColumnMapping, Import, ImportRow, Portfolio, TickerChoice
from tests.factories import (
    PASSWORD,
    AssetFactory,
    HoldingFactory,
    PortfolioFactory,
    TargetWeightFactory,
    UserFactory,
    staff,
)

pytestmark = pytest.mark.django_db

ADDRESS = "ada.lovelace@example.org"
SECOND_ADDRESS = "countess@example.net"
EXPORT, DELETE = "/account/export/", "/account/delete/"


@pytest.fixture
def user() -> User:
    """Somebody with something in every corner."""
    user = UserFactory(email=ADDRESS)
    user.emailaddress_set.create(email=ADDRESS, verified=True, primary=True)
    user.emailaddress_set.create(email=SECOND_ADDRESS)
    TOTP.activate(user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    user.usersession_set.create(ip="192.0.2.1", user_agent="=Browser", session_key="key")
    portfolio = PortfolioFactory(owner=user, name="=HYPERLINK(1)", notes="-2 +3")
    coin = AssetFactory(symbol="COIN")
    HoldingFactory(portfolio=portfolio, asset=coin, quantity=Decimal("1.000000000000000001"))
    TargetWeightFactory(portfolio=portfolio, asset=coin)
    bring(portfolio, coin)
    run = NightlyRun.objects.create(as_of=date(2024, 6, 30), state="published", is_current=True)
    PortfolioResult.objects.create(
        run=run, portfolio=portfolio, revision=1, status="in_breach", value=-5.0, volatility=0.5,
        risk_coverage=1.0, band=0.05, worst_drift=0.5, asset_ids=[coin.pk], values=[100.0],
        weights=[1.0], target_weights=[0.5], risk_contributions=[0.5],
    )  # fmt: skip
    episode = BreachEpisode.objects.create(portfolio=portfolio, opened_on=run.as_of)
    AlertEvent.objects.create(portfolio=portfolio, episode=episode, run=run, revision=1)
    letter = {"recipient": ADDRESS, "kind": "test", "subject": "Hello", "text": "a-secret-link"}
    outbox.enqueue(dedupe_key="hers", user=user, **letter)
    outbox.enqueue(dedupe_key="nobody's", **letter | {"recipient": ADDRESS.title()})
    LogEntry.objects.create(
        user=staff(email="admin@example.org"),
        content_type=ContentType.objects.get_for_model(User),
        object_id=user.pk,
        object_repr=ADDRESS,
        action_flag=CHANGE,
    )
    return user


def bring(portfolio: Portfolio, coin: Asset) -> None:
    """A file with its owner's address in it, and what the owner has said about it."""
    file = portfolio.imports.create(file_name=f"{ADDRESS}.csv", format="mapped", text=ADDRESS)
    file.rows.create(position=1, line=2, fate="new", entry={"note": ADDRESS})
    TickerChoice.objects.create(owner=portfolio.owner, ticker=ADDRESS, asset=coin)
    TickerChoice.objects.create(owner=portfolio.owner, ticker="=JUNK")
    ColumnMapping.objects.create(owner=portfolio.owner, header="hash", columns={"at": ADDRESS})


@pytest.fixture
def here(user: User) -> Client:
    """Her browser, in which she has just confirmed that it is her."""
    browser = Client()
    browser.force_login(user)
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    return browser


def download(browser: Client) -> zipfile.ZipFile:
    response = browser.post(EXPORT)
    assert response.headers["Content-Disposition"].startswith("attachment")
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(archive.read(f"{name}.json"))
    return read


def columns_with(address: str) -> list[str]:
    """Every column of every table in which some text mentions the address."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND data_type IN "
            "('text', 'character varying', 'character', 'json', 'jsonb', 'ARRAY')"
        )
        found = []
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ILIKE %s', [f"%{address}%"]
            )
            if cursor.fetchone()[0]:
                found.append(f"{table}.{column}")
    return found


# --- Export ---


@pytest.mark.parametrize("path", [EXPORT, DELETE])
def test_it_asks_first_who_is_there(path: str, user: User) -> None:
    browser = Client()
    browser.force_login(user)
    for method in (browser.get, browser.post):
        assert method(path).headers["Location"].startswith("/account/reauthenticate/")
    assert User.objects.filter(pk=user.pk).exists()


def test_an_export_has_each_table_as_csv_and_as_json(here: Client) -> None:
    archive = download(here)
    names = {name.rpartition(".")[0] for name in archive.namelist()}
    assert names >= {
        "profile", "email_addresses", "second_steps", "sessions", "letters", "portfolios",
        "holdings", "targets", "imports", "import_rows", "ticker_choices", "column_mappings",
        "results", "suggestions", "episodes", "alerts",
    }  # fmt: skip
    assert set(archive.namelist()) == {f"{n}.{kind}" for n in names for kind in ("csv", "json")}
    for name in names:
        table = list(csv.DictReader(io.StringIO(archive.read(f"{name}.csv").decode(), newline="")))
        assert len(table) == len(rows(archive, name)), name


def test_an_export_says_what_is_stored_and_nothing_secret(here: Client) -> None:
    archive = download(here)
    assert rows(archive, "profile")[0]["email"] == ADDRESS
    assert [row["email"] for row in rows(archive, "email_addresses")] == [ADDRESS, SECOND_ADDRESS]
    [holding] = rows(archive, "holdings")
    assert (holding["asset__symbol"], holding["quantity"]) == ("COIN", "1.000000000000000001")
    assert rows(archive, "results")[0]["run__as_of"] == "2024-06-30"
    assert len(rows(archive, "alerts")) == 1
    assert rows(archive, "imports")[0]["text"] == ADDRESS
    assert rows(archive, "import_rows")[0]["entry"] == {"note": ADDRESS}
    junk, choice = rows(archive, "ticker_choices")
    assert (choice["asset__symbol"], junk["asset__symbol"]) == ("COIN", None)
    assert rows(archive, "column_mappings")[0]["columns"] == {"at": ADDRESS}
    everything = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (b"argon2", b"a-secret-link", b"session_key", b"JBSWY3DP", b"admin@example.org"):
        assert secret not in everything


def test_an_export_is_of_its_owner_alone(here: Client) -> None:
    bring(PortfolioFactory(name="Of somebody else"), AssetFactory())
    archive = download(here)
    assert [row["name"] for row in rows(archive, "portfolios")] == ["=HYPERLINK(1)"]
    counts = {"imports": 1, "import_rows": 1, "ticker_choices": 2, "column_mappings": 1}
    assert {name: len(rows(archive, name)) for name in counts} == counts


def test_texts_that_look_like_formulas_are_neutralised_and_numbers_stay_numbers(
    here: Client,
) -> None:
    archive = download(here)

    def cells(name: str) -> dict[str, str]:
        return next(csv.DictReader(io.StringIO(archive.read(f"{name}.csv").decode())))

    assert (cells("portfolios")["name"], cells("portfolios")["notes"]) == (
        "'=HYPERLINK(1)",
        "'-2 +3",
    )
    assert cells("sessions")["user_agent"] == "'=Browser"
    assert cells("results")["value"] == "-5.0"
    assert rows(archive, "portfolios")[0]["name"] == "=HYPERLINK(1)", "JSON runs nothing"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_each_start_of_a_formula_is_neutralised(start: str) -> None:
    assert exports.neutralised(f"{start}1") == f"'{start}1"
    assert exports.neutralised(f"1{start}") == f"1{start}"


# --- Deletion ---


def test_the_wrong_address_deletes_nothing(here: Client, user: User) -> None:
    for typed in ("", "yes", SECOND_ADDRESS):
        assert here.post(DELETE, {"address": typed}).status_code == 422
    assert User.objects.filter(pk=user.pk).exists()


def test_after_deletion_the_address_is_in_no_table(here: Client, user: User) -> None:
    assert len(columns_with(ADDRESS)) >= 4, "the search itself finds it beforehand"
    response = here.post(DELETE, {"address": f" {ADDRESS.upper()} "}, follow=True)
    assert "Your account is deleted" in response.content.decode()
    for address in (ADDRESS, SECOND_ADDRESS):
        assert columns_with(address) == []
    assert not OutgoingEmail.objects.exists()
    for model in (PortfolioResult, Import, ImportRow, TickerChoice, ColumnMapping):
        assert not model._default_manager.exists(), model
    assert User.objects.get().email == "admin@example.org"


def test_after_deletion_no_session_of_hers_is_left_not_even_an_unfinished_login(
    here: Client, user: User
) -> None:
    elsewhere = Client()
    elsewhere.post("/account/login/", {"login": ADDRESS, "password": PASSWORD})
    assert "_auth_user_id" not in elsewhere.session, "the second step is still to come"
    stranger = Client()
    stranger.force_login(UserFactory())
    here.post(DELETE, {"address": ADDRESS})

    left = [str(session.get_decoded()) for session in Session.objects.all()]
    assert not [session for session in left if ADDRESS in session or f"'{user.pk}'" in session]
    assert stranger.get("/account/settings/").status_code == 200
    assert here.get("/account/settings/").status_code == 302


def test_deletion_leaves_everybody_else_as_they_were(here: Client) -> None:
    other = PortfolioFactory(owner=UserFactory(email=f"not.{ADDRESS}"))
    outbox.enqueue(
        dedupe_key="other", recipient=other.owner.email, kind="test", subject="Hi", text="Ahoy"
    )
    here.post(DELETE, {"address": ADDRESS})
    other.refresh_from_db()
    assert OutgoingEmail.objects.get().recipient == f"not.{ADDRESS}"


def test_the_address_can_sign_up_again(here: Client) -> None:
    here.post(DELETE, {"address": ADDRESS})
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    Client().post("/account/signup/", {"email": ADDRESS, **passwords})
    assert User.objects.filter(email=ADDRESS).exists()
