"""Middleware of the site."""

from collections.abc import Callable
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from portfolios.templatetags import figures

View = Callable[[HttpRequest], HttpResponse]


def private_pages(get_response: View) -> View:
    """Keep pages with a signed-in user's data out of every cache."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.user.is_authenticated:
            response.setdefault("Cache-Control", "no-store")
        return response

    return respond


def login_for_fragments(get_response: View) -> View:
    """Lead the whole page to the login when htmx asks after the session has ended.

    htmx would follow the redirect, and put the login page into the fragment's place.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        login = resolve_url(settings.LOGIN_URL)
        leads_there = response.headers.get("Location", "").partition("?")[0] == login
        if not leads_there or "HX-Request" not in request.headers:
            return response
        page = HtmxDetails(request).current_url_abs_path or resolve_url("home")
        return HttpResponseClientRedirect(f"{login}?{urlencode({'next': page})}")

    return respond


def display_settings(get_response: View) -> View:
    """Show times in the time zone that the reader has chosen, and figures in their style."""

    def respond(request: HttpRequest) -> HttpResponse:
        reader = request.user
        if not reader.is_authenticated:
            return get_response(request)
        with timezone.override(reader.time_zone), figures.written_in(reader.number_style):
            return get_response(request)

    return respond


# Where one logs in or signs up. Their views send away whoever is logged in already.
DOOR = {
    "account_login", "account_signup", "account_confirm_email", "account_email_verification_sent",
    "account_confirm_login_code", "account_inactive", "account_reset_password",
    "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "mfa_authenticate", "mfa_login_webauthn",
}  # fmt: skip
OPEN_TO_GUESTS = {
    "account_logout", "accounts:settings", "accounts:theme", "accounts:unsubscribe",
    "accounts:action", "accounts:letter",
}  # fmt: skip


class Guests:
    """Let guests in as visitors where one logs in, and nowhere else among the account pages.

    `request.guest` is the guest either way, and None for everybody else.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_guest = request.user.is_authenticated and request.user.is_guest
        request.guest = request.user if is_guest else None  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        place = request.resolver_match
        if request.guest is None or place is None:  # type: ignore[attr-defined]
            return None
        if place.view_name in DOOR:
            request.user = AnonymousUser()
        elif place.route.startswith("account/") and place.view_name not in OPEN_TO_GUESTS:
            return render(request, "accounts/sign_up_first.html", status=403)
        return None


class StaffSecondStep:
    """Open the admin site only to a session that has taken a second step (STAFF_NEEDS_MFA)."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        place = request.resolver_match
        if not settings.STAFF_NEEDS_MFA or place is None or "admin" not in place.app_names:
            return None
        if not request.user.is_staff or place.url_name == "logout":
            return None  # the admin site itself turns others away
        return _second_step_first(request)


def _second_step_first(request: HttpRequest) -> HttpResponse | None:
    """Where staff must go before the admin opens; None if nowhere."""
    types = Authenticator.objects.filter(user=request.user).values_list("type", flat=True)
    own = set(types) - {Authenticator.Type.RECOVERY_CODES}
    if not own:
        messages.info(request, "The admin opens to staff with a second step: set one up here.")
        return redirect("mfa_index")
    taken = get_authentication_records(request, request.user)
    if any(record["method"] == "mfa" for record in taken):
        return None
    page = "mfa_reauthenticate"
    if own == {Authenticator.Type.WEBAUTHN}:
        page = "mfa_reauthenticate_webauthn"
    return redirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")
