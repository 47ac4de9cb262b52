"""How allauth talks to people and keeps their secrets: through the outbox, and encrypted."""

from typing import Any, ClassVar
from uuid import uuid4

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from celery import current_app
from django.contrib import messages
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from kombu.exceptions import OperationalError

from accounts import emails, tasks
from accounts.models import User
from accounts.services import encryption, guests, outbox

# By default a visitor would wait six seconds for a broker that is away.
IMPATIENTLY = {"max_retries": 1, "interval_start": 0.1, "connect_retries_timeout": 1}
# In the session of a guest who has asked for an account.
LETTER_SENT = "sandbox_letter_sent"
logger = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    error_messages: ClassVar[dict[str, str]] = {
        **DefaultAccountAdapter.error_messages,
        "cannot_remove_primary_email": "This is your primary one. Make another one primary first.",
        "duplicate_email": "This address is already one of yours.",
        "email_password_mismatch": "E-mail address and password do not fit together.",
        "enter_current_password": "This is not your password.",
        "incorrect_password": "This is not your password.",
        "rate_limited": "That was too often. Wait a minute, then try again.",
        "too_many_login_attempts": "That failed too often. Wait some minutes, then try again.",
        "unverified_primary_email": "Confirm your primary address first, from the e-mail we sent.",
    }

    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:
        saved: User = super().save_user(request, user, form, commit)
        if guest := _guest(request):
            guests.promise(guest=guest, person=saved)
        return saved

    def respond_email_verification_sent(
        self, request: HttpRequest, user: User | None
    ) -> HttpResponseBase:
        # Whether the address is known or not: the banner says the same.
        if _guest(request):
            request.session[LETTER_SENT] = True
        return super().respond_email_verification_sent(request, user)

    def login(self, request: HttpRequest, user: User) -> None:
        guest = _guest(request)
        adopted = guests.adopt(person=user, guest=guest)
        if guest:
            guests.leave(request.session)
            request.session.pop(LETTER_SENT, None)
        super().login(request, user)
        if adopted:
            words = "portfolio is" if adopted == 1 else f"{adopted} portfolios are"
            messages.success(request, f"Your sandbox came along: its {words} yours now.")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        if not self.request.user.is_authenticated:
            # The page to log in on says that it worked: a message would be gone in a moment.
            return f"{reverse('account_login')}?confirmed"
        url: str = super().get_email_verification_redirect_url(email_address)
        return url

    def logout(self, request: HttpRequest) -> None:
        guest = _guest(request)
        super().logout(request)
        if guest:  # nobody could come back to it
            guests.discard(guest=guest)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        # allauth forgets whose mail this is, and it must go when they go.
        super().send_notification_mail(
            template_prefix, user, context={**(context or {}), "user": user}, email=email
        )

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        rendered = emails.account(template_prefix, context={"email": email, **context})
        user = context.get("user")
        outbox.enqueue(
            dedupe_key=f"{outbox.ACCOUNT}:{uuid4()}",
            recipient=email,
            kind=outbox.ACCOUNT,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            user=user if isinstance(user, User) and user.pk else None,
        )
        transaction.on_commit(_hasten)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        words = {
            "reauthenticate": "With your password",
            "mfa_reauthenticate": "With a code from your app",
            "mfa_reauthenticate:webauthn": "With a passkey or security key",
        }
        methods = super().get_reauthentication_methods(user)
        return [method | {"description": words[method["id"]]} for method in methods]


class MFAAdapter(DefaultMFAAdapter):
    error_messages: ClassVar[dict[str, str]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This did not fit. Codes change every 30 seconds: try the one shown now.",
        "unverified_email": "Confirm your e-mail address first.",
        "cannot_generate_recovery_codes": "Set up an app or a passkey first.",
    }

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text)

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002  (allauth's)
        known = Authenticator.objects.filter(user=user, type=type).count()
        return f"Key {known + 1}"

    def _get_site_name(self) -> str:
        # What a phone or a password manager files the key under, instead of the host's name.
        return "Evenkeel"


def _guest(request: HttpRequest) -> User | None:
    """Who tries the site in this session, even while the pages of the door take them for nobody."""
    guest: User | None = getattr(request, "guest", None)
    return guest


def _hasten() -> None:
    """Somebody is waiting for this mail: do now what the next tick would do anyway."""
    try:
        with current_app.connection_for_write(transport_options=IMPATIENTLY) as broker:
            tasks.send_due_mail.apply_async(
                kwargs={"kind": outbox.ACCOUNT}, queue="people", connection=broker, retry=False
            )
    except OperationalError:
        logger.warning("broker away, mail leaves with the next tick")
