"""Every operation of the API, from its own description, with what it needs to be called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

SAFE = ("get", "head")
# Examples of these need a market, a model or a file that one test brings.
OF_PEOPLE = ("portfolios", "own-assets", "notifications", "webhooks")
METHODS = ("get", "post", "put", "patch", "delete")


@cache
def description() -> dict[str, Any]:
    """As /api/v1/schema/ tells it."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    details: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path.removeprefix('/api/v1')}"

    @property
    def changes(self) -> bool:
        return self.method not in SAFE

    @property
    def is_for_staff(self) -> bool:
        return "staff_only" in str(self.details["responses"].get("403"))

    @property
    def is_of_somebody(self) -> bool:
        """Whether its address has the id of something that belongs to a person."""
        return any(f"/{each}/{{" in self.path for each in OF_PEOPLE)

    def address(self, arguments: Mapping[str, object]) -> str:
        return self.path.format(**arguments)

    @property
    def query(self) -> dict[str, Any]:
        """An example of each parameter that must be there."""
        return {
            each["name"]: example(each)
            for each in self.details.get("parameters", ())
            if each["in"] == "query" and each.get("required")
        }

    @property
    def body(self) -> Any:
        """The first example of what is sent; None: nothing is."""
        content = self.details.get("requestBody", {}).get("content", {})
        examples = content.get("application/json", {}).get("examples", {})
        return next((each["value"] for each in examples.values()), {}) if content else None

    @property
    def is_a_file(self) -> bool:
        return "multipart/form-data" in self.details.get("requestBody", {}).get("content", {})


def example(parameter: Mapping[str, Any]) -> Any:
    """The article's trade, a bitcoin, or the first of the choices."""
    trade = {"entry": "67000", "stop": "65500", "target": "72000"}
    bitcoin = {"asset": "bitcoin", "quantity": "1", "position": "ethereum:1000"}
    return (trade | bitcoin).get(parameter["name"]) or parameter["schema"]["enum"][0]


def operations() -> Iterator[Operation]:
    for path, methods in description()["paths"].items():
        for method, details in methods.items():
            if method in METHODS:
                yield Operation(method, path, details)
