"""Who asks: a program with a token, or a browser with its session. And what each may do."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.api.problems import LoginTooOld, ReadOnlyToken, StaffOnly
from accounts.models import ApiToken, User
from accounts.services import tokens


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Token evk_…`, found by its hash in one query."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        now = timezone.now()
        found = tokens.find(token.decode(errors="replace"), now=now)
        if found is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        tokens.note_use(found, now=now)
        return found.user, found


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token evk_…`, made on the account page under API tokens.",
        }


class WithinScope(BasePermission):
    """A token that may only read changes nothing."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        if (
            isinstance(token, ApiToken)
            and token.scope == ApiToken.Scope.READ
            and request.method not in SAFE_METHODS
        ):
            raise ReadOnlyToken
        return True


class IsStaff(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_staff:
            raise StaffOnly
        return True


def require_recent_login(request: Request) -> None:
    """As the pages that ask for the password again. A token was made behind such a page."""
    if isinstance(request.auth, ApiToken):
        return
    try:
        reauthentication_required(lambda _: None)(request._request)
    except ReauthenticationRequired as problem:
        raise LoginTooOld from problem
