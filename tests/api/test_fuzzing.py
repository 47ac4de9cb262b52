"""schemathesis over the whole description: what is answered is what is described.

Every operation is called with its examples, with boundaries of its parameters, and with
generated data that fits and that does not, by somebody with a token and by nobody, over HTTP.
All checks of schemathesis hold: no 5xx, no status, header or body that is not described, nothing
taken that the description forbids, nothing refused that it allows, nothing open without a token.

An operation with many optional fields has hundreds of boundaries, most of them of one kind: of each
operation this tries the first few and every tenth after those. `API_EXAMPLES=200 pytest
tests/api/test_fuzzing.py` (`make fuzz-api`) tries them all, and sequences of operations, and looks
deeper.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from schemathesis import engine, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.generation.meta import TestPhase

from portfolios.models import Portfolio
from portfolios.services import catalogue, imports
from tests.api.conftest import drifted, measure_market, token_of
from tests.api.operations import description
from tests.api.test_access import STATEMENT, review, told, webhook
from tests.factories import UserFactory, own_asset

EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
IS_SHORT = "API_EXAMPLES" not in os.environ
FIRST, EVERY = 6, 10  # boundaries of an operation that a short run tries
# Beside what schemathesis takes for an acceptance or a refusal: 412 comes of If-Match, and 422 of
# a rule of the product that no schema can say.
ACCEPTED = ["2xx", "401", "403", "404", "409", "412", "422"]
REFUSED = ["400", "401", "403", "404", "405", "406", "412", "413", "415", "422"]


@pytest.fixture
def portfolio(transactional_db: None) -> Portfolio:
    catalogue.load()
    measure_market()
    return drifted(UserFactory())


def arguments(portfolio: Portfolio) -> dict[str, Any]:
    run = imports.upload(
        portfolio=portfolio, file_name="a.csv", content=STATEMENT, now=timezone.now()
    )
    return {
        "path.id": portfolio.pk,
        "path.import_run": run.pk,
        "path.transaction": portfolio.transactions.get().pk,
        "path.own_asset": own_asset(owner=portfolio.owner).pk,
        "path.webhook": webhook(portfolio.owner),
        "path.notification": told(portfolio.owner),
        "path.number": 1,
        "path.review": review(portfolio),
        "path.question": "risk",
        "path.first": "ethereum",
        "path.second": "bitcoin",
        "path.asset": "bitcoin",
        "path.day": "2024-12-31",
        "path.as_of": "2024-12-31",
    }


class Sample:
    """The same boundaries of each operation in every run."""

    __name__ = "filter_case"

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __call__(self, context: Any, case: Any) -> bool:
        if case.meta is None or case.meta.phase.name != TestPhase.COVERAGE:
            return True
        self.seen[case.operation.label] += 1
        number = self.seen[case.operation.label]
        return number <= FIRST or number % EVERY == 0


def failures(address: str, token: str | None, parameters: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the answers at this address, each once."""
    config: dict[str, Any] = {
        "base-url": address,
        "parameters": parameters,
        "generation": {
            "max-examples": EXAMPLES, "deterministic": True, "database": "none", "no-shrink": True,
        },
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
            "negative_data_rejection": {"expected-statuses": REFUSED},
        },
        # Without a token everything is refused before it is read: its boundaries tell nothing.
        "phases": {
            "stateful": {"enabled": bool(token) and not IS_SHORT},
            "coverage": {"enabled": bool(token)},
        },
    }  # fmt: skip
    if token:
        config["headers"] = {"Authorization": f"Token {token}"}
    schema = openapi.from_dict(description(), config=SchemathesisConfig.from_dict(config))
    if IS_SHORT:
        schema.hook("filter_case")(Sample())
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            yield str(event)
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                for check in checks:
                    if failure := check.failure_info:
                        yield f"{event.label}: {failure.failure}\n{failure.code_sample}"


def test_answers_are_as_described(portfolio: Portfolio, live_server: Any) -> None:
    found = list(failures(live_server.url, token_of(portfolio.owner), arguments(portfolio)))
    assert not found, "\n\n".join(found)


def test_answers_without_a_token_are_as_described(portfolio: Portfolio, live_server: Any) -> None:
    found = list(failures(live_server.url, None, arguments(portfolio)))
    assert not found, "\n\n".join(found)
