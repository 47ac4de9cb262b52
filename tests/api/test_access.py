"""Who may do what: on every operation that the API describes, so that none can be forgotten.

Each is called as its example in the description says: by the owner, by another person, by nobody,
and with a token that may only read.
"""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import Kind, Notification, User
from accounts.services import notifications, webhooks
from analytics.models import QuarterlyReview
from analytics.selectors import quarterly_reviews
from portfolios.models import Asset, Import, Portfolio, Transaction
from portfolios.services import imports, portfolio_files, target_versions
from tests.api.conftest import AS_OF, Program, Programs
from tests.api.operations import Operation, operations
from tests.factories import TargetWeightFactory, TransactionFactory, UserFactory, own_asset

pytestmark = pytest.mark.django_db

EVERY = list(operations())
# A bull market moves some from the stablecoins to the altcoins.
TARGETS = {
    "bitcoin": "0.3", "ethereum": "0.2", "solana": "0.1", "aave": "0.1", "chainlink": "0.1",
    "usd-coin": "0.2",
}  # fmt: skip
STATEMENT = (
    b"UTC_Time,Account,Operation,Coin,Change,Remark\n2024-01-01 10:00:00,Spot,Deposit,BTC,1,\n"
)


@pytest.fixture
def arguments(portfolio: Portfolio) -> dict[str, object]:
    """What stands in addresses. A new name must be given a meaning here."""
    entry = TransactionFactory(portfolio=portfolio)
    bitcoin = Asset.objects.get(coingecko_id="bitcoin")
    portfolio.holdings.create(asset=entry.received_asset, quantity=1)
    return {
        "id": portfolio.pk,
        "pk": portfolio.pk,
        "asset": "bitcoin",
        "day": AS_OF,
        "as_of": AS_OF,
        "number": target_versions.keep(portfolio, {bitcoin: Decimal(1)}).number,
        "transaction": entry.pk,
        "own_asset": own_asset(owner=portfolio.owner).pk,
        "webhook": webhook(portfolio.owner),
        "review": review(portfolio),
        "question": "risk",
        "first": "ethereum",
        "second": "bitcoin",
        "notification": told(portfolio.owner),
        "import_run": imports.upload(
            portfolio=portfolio, file_name="a.csv", content=STATEMENT, now=timezone.now()
        ).pk,
    }


def told(user: User) -> int:
    notifications.notify(
        user=user, kind=Kind.GENERAL, subject="Hello", body="", link="", key="hello"
    )
    return Notification.objects.get().pk


def review(portfolio: Portfolio) -> int:
    return QuarterlyReview.objects.create(portfolio=portfolio, as_of=AS_OF).pk


def webhook(user: User) -> int:
    made, _ = webhooks.create(user=user, url="https://example.org/hook", kinds=[Kind.DRIFT])
    return made.pk


def call(program: Program, operation: Operation, arguments: dict[str, object]) -> Any:
    path = operation.address(arguments)
    if operation.is_a_file:
        content = STATEMENT
        if path.endswith("/portfolios/file/"):
            content = "".join(portfolio_files.as_json(Portfolio.objects.get())).encode()
        return program.post(path, {"file": SimpleUploadedFile("a.csv", content)})
    path = path.removeprefix("/api/v1")
    return program.send(operation.method.upper(), path, operation.body, query=operation.query)


@pytest.mark.parametrize("operation", EVERY, ids=str)
def test_its_owner_may(
    operation: Operation, arguments: dict[str, object], portfolio: Portfolio, program: Programs
) -> None:
    prepare(operation, portfolio, arguments)
    answer = call(program(portfolio.owner), operation, arguments)
    assert answer.status_code < 300, answer.content


@pytest.mark.parametrize("operation", [each for each in EVERY if each.is_of_somebody], ids=str)
def test_to_somebody_else_it_is_not_there(
    operation: Operation, arguments: dict[str, object], portfolio: Portfolio, program: Programs
) -> None:
    answer = call(program(UserFactory()), operation, arguments)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert Portfolio.objects.get().revision == portfolio.revision


@pytest.mark.parametrize("operation", EVERY, ids=str)
def test_nobody_may_without_a_token(
    operation: Operation, arguments: dict[str, object], portfolio: Portfolio
) -> None:
    answer = call(Program(), operation, arguments)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Token"
    assert Portfolio.objects.get().revision == portfolio.revision


@pytest.mark.parametrize("operation", EVERY, ids=str)
def test_a_token_that_may_only_read_reads_and_no_more(
    operation: Operation, arguments: dict[str, object], portfolio: Portfolio, program: Programs
) -> None:
    prepare(operation, portfolio, arguments)
    answer = call(program(portfolio.owner, "read"), operation, arguments)
    if operation.changes:
        assert (answer.status_code, answer.json()["code"]) == (403, "read_only_token")
        assert Portfolio.objects.get().revision == portfolio.revision
    else:
        assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("operation", [each for each in EVERY if each.is_for_staff], ids=str)
def test_what_is_for_staff_is_for_nobody_else(
    operation: Operation, arguments: dict[str, object], portfolio: Portfolio, program: Programs
) -> None:
    answer = call(program(portfolio.owner), operation, arguments)
    assert (answer.status_code, answer.json()["code"]) == (403, "staff_only")


def prepare(operation: Operation, portfolio: Portfolio, arguments: dict[str, object]) -> None:
    """What must have happened before an operation makes sense."""
    if operation.path.endswith("/undo/"):
        Import.objects.update(state=Import.State.IMPORTED)
    if operation.is_for_staff:
        portfolio.owner.is_staff = True
        portfolio.owner.save()
    if operation.path.endswith("/tilt/"):
        portfolio.target_weights.all().delete()
        for key, weight in TARGETS.items():
            asset = Asset.objects.get(coingecko_id=key)
            TargetWeightFactory(portfolio=portfolio, asset=asset, weight=Decimal(weight))
    if operation.path.endswith("/{transaction}/lots/"):
        bitcoin = Asset.objects.get(coingecko_id="bitcoin")
        rows = Transaction.objects.filter(pk=arguments["transaction"])
        rows.update(kind="swap", sent_asset=bitcoin, sent_quantity=1)
    if operation.path.endswith("/finish/"):
        said = {key: {"changes": False, "note": ""} for key in quarterly_reviews.KEYS}
        QuarterlyReview.objects.update(conclusions=said)
    if operation.path.endswith("/undelete/"):
        Portfolio.objects.update(deleted_at=timezone.now())
