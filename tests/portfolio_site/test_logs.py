"""One JSON object a line, with the ids that belong to it and without secrets."""

import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import structlog

from analytics.services import measurements, nights
from portfolio_site import logs
from tests.analytics.conftest import AS_OF, coins, hold, quotes  # noqa: F401

HALVES = {"BTC": "0.5", "SOL": "0.5"}
LITERAL = "a-literal-secret-of-the-settings"
Lines = Callable[[], list[dict]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged meanwhile, as production would write it."""
    written = StringIO()
    configuration = logs.configuration(json=True, level="INFO", secrets=[LITERAL, ""])
    formatter = configuration["formatters"]["structured"]
    handler = logging.StreamHandler(written)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
        )
    )
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_line_of_any_package_carries_what_is_bound(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(run=7, chunk=3):
        structlog.get_logger("ours").warning("lease lost", attempt=2)
        logging.getLogger("somebody.else").warning("%s of %s", 1, 2)
    ours, other = lines()
    assert (ours["event"], ours["attempt"], ours["level"]) == ("lease lost", 2, "warning")
    assert (other["event"], other["logger"]) == ("1 of 2", "somebody.else")
    for line in (ours, other):
        assert (line["run"], line["chunk"]) == (7, 3)
        assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        ("cannot connect to postgresql://keel:hunter22@db/evenkeel", "hunter22"),
        ("redis://:hunter22@valkey:6379/0 is away", "hunter22"),
        ("sent Authorization: Token hunter22abc", "hunter22abc"),
        ("sent 'Bearer hunter22abc'", "hunter22abc"),
        (f"signed with {LITERAL}.", LITERAL),
        ("GET /account/password/reset/key/1-hunter22-abc/", "hunter22"),
        ("GET /account/confirm-email/hunter22:1abc/", "hunter22"),
        ("POST /account/unsubscribe/hunter22:1abc/", "hunter22"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_everywhere(
    lines: Lines, words: str, secret: str
) -> None:
    logger = structlog.get_logger("ours")
    logger.warning(words)
    logger.warning("request_started", request=words, parts=[{"inner": words}])
    logging.getLogger("somebody.else").warning("said %s", words)
    try:
        raise ValueError(words)
    except ValueError as error:
        logger.exception("failed", error=error)
    assert len(lines()) == 4
    for line in lines():
        assert secret not in json.dumps(line)
        assert logs.HIDDEN in json.dumps(line)


def test_what_is_named_like_a_secret_is_hidden_and_what_is_not_stays(lines: Lines) -> None:
    hidden = {"password": "1", "api_key": "2", "Cookie": "3", "csrfmiddlewaretoken": "4"}
    shown = {"token_migration": 5, "task_id": "6", "author": "7", "url": "https://example.org/a"}
    structlog.get_logger("ours").warning("tried", form=hidden, refresh_token="8", **shown)
    (line,) = lines()
    assert line["form"] == dict.fromkeys(hidden, logs.HIDDEN)
    assert line["refresh_token"] == logs.HIDDEN
    assert shown.items() <= line.items()


def test_every_line_of_a_night_says_which_run_and_each_of_a_chunk_which_chunk(
    hold,  # noqa: F811
    lines: Lines,
    monkeypatch,
    settings,
) -> None:
    settings.NIGHT_CHUNK_SIZE = 1
    poisoned = hold({"BTC": 9, "SOL": 1}, HALVES)
    hold({"BTC": 9, "SOL": 1}, HALVES)
    fine = measurements.measure

    def stumble(batch, market):
        if poisoned.pk in batch.portfolio_ids:
            logging.getLogger("somebody.else").warning("overflow encountered")
            raise FloatingPointError("planted")
        return fine(batch, market)

    monkeypatch.setattr(measurements, "measure", stumble)
    run = nights.run_to_end(as_of=AS_OF)
    written = lines()
    assert {line.get("run") for line in written} == {run.pk}
    events = [line["event"] for line in written]
    assert events[:3] == ["night goes on"] * 3
    assert events[-1] == "night ended"
    of_chunks = [line for line in written if "chunk" in line]
    assert [line["event"] for line in of_chunks if line["chunk"] == 0] == [
        "overflow encountered", "chunk failed",
    ] * 3  # fmt: skip
    assert [line["event"] for line in of_chunks if line["chunk"] == 1] == ["chunk computed"]
    assert "planted" in of_chunks[1]["exception"]
