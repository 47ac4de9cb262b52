"""What goes wrong, as RFC 9457 problem details: one stable code for each kind of error.

Apps above this one register the errors of their services, each with a code, when their API is
loaded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response

PAGE = "/api/v1/problems/"


@dataclass(frozen=True)
class Problem:
    """A kind of error. `code` never changes; `title` says it in words."""

    code: str
    status: int
    title: str


class ProblemRenderer(JSONRenderer):
    media_type = "application/problem+json"
    format = "problem"


class ReadOnlyToken(exceptions.PermissionDenied):
    default_detail = "This token may only read. Make one that may write."


class LoginTooOld(exceptions.PermissionDenied):
    default_detail = (
        "Confirm first that it is you, at /account/reauthenticate/, or use a token that may write."
    )


class StaffOnly(exceptions.PermissionDenied):
    default_detail = "Only staff may see this."


class TooLarge(exceptions.APIException):
    status_code = 413
    default_detail = "What was sent is too large."


KNOWN: dict[type[Exception], Problem] = {
    ReadOnlyToken: Problem("read_only_token", 403, "The token may only read"),
    LoginTooOld: Problem("login_too_old", 403, "The login is too long ago for this"),
    StaffOnly: Problem("staff_only", 403, "For staff only"),
    exceptions.ValidationError: Problem("invalid", 400, "What was sent does not fit the schema"),
    exceptions.ParseError: Problem("malformed", 400, "What was sent cannot be read"),
    exceptions.NotAuthenticated: Problem("not_authenticated", 401, "Nobody is logged in"),
    exceptions.AuthenticationFailed: Problem("invalid_token", 401, "The token does not work"),
    exceptions.NotFound: Problem("not_found", 404, "There is no such thing"),
    exceptions.MethodNotAllowed: Problem("method_not_allowed", 405, "Not with this method"),
    exceptions.NotAcceptable: Problem("not_acceptable", 406, "Not in this format"),
    TooLarge: Problem("too_large", 413, "Too large"),
    exceptions.UnsupportedMediaType: Problem("unsupported_media_type", 415, "Not from this format"),
    exceptions.Throttled: Problem("too_many_requests", 429, "Too many requests"),
    exceptions.PermissionDenied: Problem("forbidden", 403, "Not allowed"),  # after its subclasses
}


def register(problems: Mapping[type[Exception], Problem]) -> None:
    """Have these errors answered so; the most special ones first."""
    KNOWN.update(problems)


def known() -> Iterator[Problem]:
    """Every kind of error, by status and code."""
    yield from sorted(KNOWN.values(), key=lambda problem: (problem.status, problem.code))


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None for what nobody foresaw: that is a 500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    problem = next((each for kind, each in KNOWN.items() if isinstance(error, kind)), None)
    if problem is None:
        return None
    request = context["request"]
    renderer = getattr(request, "accepted_renderer", None)
    if not isinstance(renderer, BrowsableAPIRenderer):
        request.accepted_renderer = ProblemRenderer()
        request.accepted_media_type = ProblemRenderer.media_type
    return Response(_body(problem, error), status=problem.status, headers=_headers(error))


def _body(problem: Problem, error: Exception) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"{PAGE}#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": " ".join(getattr(error, "messages", ())) or str(error),
    }
    if isinstance(error, exceptions.ValidationError):
        body["errors"] = list(_errors(error.detail))
        body["detail"] = " ".join(dict.fromkeys(each["detail"] for each in body["errors"]))
    return body


def _errors(detail: Any, place: str = "") -> Iterator[dict[str, str]]:
    """Each error with the place that it is about: `transactions.3.kind`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            whole = name == "non_field_errors"
            yield from _errors(inner, place if whole else f"{place}.{name}".lstrip("."))
    elif isinstance(detail, list | tuple):
        for number, inner in enumerate(detail):
            listed = isinstance(inner, Mapping)
            yield from _errors(inner, f"{place}.{number}".lstrip(".") if listed else place)
    elif detail:
        yield {"field": place, "detail": str(detail)}


def _headers(error: Exception) -> dict[str, str]:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    return headers
