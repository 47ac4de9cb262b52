"""The description of the API: frozen in the repository, whole, and honest about what it needs."""

import difflib
from pathlib import Path

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from accounts.api import problems
from tests.api.operations import description, operations

FROZEN = Path(__file__).parents[2] / "docs" / "openapi.yaml"


def test_the_frozen_description_is_that_of_the_code() -> None:
    drawn = OpenApiYamlRenderer().render(description(), renderer_context={}).decode()
    frozen = FROZEN.read_text()
    difference = "".join(
        difflib.unified_diff(
            frozen.splitlines(keepends=True),
            drawn.splitlines(keepends=True),
            "docs/openapi.yaml",
            "what the code describes",
        )
    )
    assert not difference, (
        f"The API has changed. If that is meant, run `make schema` and commit it.\n{difference}"
    )


def test_the_description_is_valid_and_nothing_was_guessed() -> None:
    GENERATOR_STATS.reset()
    description.cache_clear()
    validate_schema(description())
    assert not GENERATOR_STATS


def test_every_operation_says_what_it_is_and_shows_what_is_sent() -> None:
    for operation in operations():
        assert operation.details.get("summary"), operation
        if "requestBody" in operation.details and not operation.is_a_file:
            assert operation.body, f"{operation}: give an example of what is sent"


def test_every_code_of_an_error_is_told_of_some_operation() -> None:
    told = "".join(
        answer.get("description", "")
        for operation in operations()
        for answer in operation.details["responses"].values()
    )
    untold = {each.code for each in problems.known() if f"`{each.code}`" not in told}
    assert untold == {"method_not_allowed"}
