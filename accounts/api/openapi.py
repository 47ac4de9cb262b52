"""The OpenAPI description, drawn from the views, with what all of them share."""

from collections.abc import Iterator, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, AllowAny

from accounts.api import problems
from accounts.api.authentication import IsStaff
from accounts.api.fields import Exact, Text
from accounts.api.views import MarketResource

RATE_LIMITS = {
    "RateLimit-Limit": "Requests a minute.",
    "RateLimit-Remaining": "Requests left in this minute.",
    "RateLimit-Reset": "Seconds until the next one begins.",
}


class FieldError(serializers.Serializer):
    field = serializers.CharField(help_text="Where, such as `transactions.3.kind`.")
    detail = serializers.CharField()


class ProblemDetails(serializers.Serializer):
    """RFC 9457. `code` is stable: programs may rely on it, and on nothing else but the status."""

    type = serializers.CharField(help_text="Where the code is explained.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField(help_text="What to do about it, for people.")
    errors = FieldError(many=True, required=False)


class Schema(AutoSchema):
    """Adds the errors that every operation may answer, and the headers of its answers."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if isinstance(self.view, MarketResource):
            bodies["304"] = {"description": "Not modified since the ETag in If-None-Match."}
        details = self.resolve_serializer(ProblemDetails, direction).ref
        for status, codes in self._problems().items():
            bodies[str(status)] = {
                "description": "One of: " + ", ".join(f"`{code}`" for code in codes),
                "content": {problems.ProblemRenderer.media_type: {"schema": details}},
            }
        for body in bodies.values():
            body.setdefault("headers", {}).update(
                {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_LIMITS}
            )
        return bodies

    def _problems(self) -> dict[int, list[str]]:
        """The codes of each status that this operation may answer."""
        by_code = {problem.code: problem.status for problem in problems.known()}
        found: dict[int, list[str]] = {}
        for code in sorted(self._codes()):
            found.setdefault(by_code[code], []).append(code)
        return dict(sorted(found.items()))

    def _codes(self) -> Iterator[str]:
        yield from ("invalid", "not_acceptable", "not_found", "too_many_requests")
        if AllowAny not in self.view.permission_classes:
            yield from ("not_authenticated", "invalid_token")
        if self.method not in SAFE_METHODS:
            yield from ("read_only_token", "forbidden")
            yield from ("malformed", "too_large", "unsupported_media_type")
        if IsStaff in self.view.permission_classes:
            yield "staff_only"
        action = getattr(self.view, getattr(self.view, "action", None) or "", None)
        yield from getattr(action, "refuses", ())


class TextExtension(OpenApiSerializerFieldExtension):
    target_class = "accounts.api.fields.Text"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        field: Text = self.target
        schema: dict[str, Any] = {"type": "string", "pattern": field.pattern.pattern}
        if not field.allow_blank:
            every = field.pattern.pattern.removeprefix("^").removesuffix("*$")
            seen = every.removesuffix("]") + r"\s]"
            schema["pattern"] = f"^{every}*{seen}{every}*$"
            schema["minLength"] = 1
        if field.max_length:
            schema["maxLength"] = field.max_length
        return schema


class ExactExtension(OpenApiSerializerFieldExtension):
    target_class = "accounts.api.fields.Exact"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        field: Exact = self.target
        if direction == "response":
            return {"type": "string", "format": "decimal"}
        return {"type": "string", "format": "decimal", "pattern": field.pattern}


def refuse_unknown_fields(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say of everything that is sent that it has the named fields and no others."""
    schemas: Mapping[str, Any] = result["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("Request") and schema.get("type") == "object":
            schema["additionalProperties"] = False
    return result


def describe_headers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say once what the headers are that every answer has."""
    result["components"]["headers"] = {
        name: {"schema": {"type": "integer"}, "description": words, "required": True}
        for name, words in RATE_LIMITS.items()
    }
    return result
