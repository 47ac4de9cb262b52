"""The admin site's view of people and of the outbox."""

from collections.abc import Callable
from typing import Any

import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401  (registers what is unregistered below)
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp, csp_update
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ChoiceField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.clickjacking import xframe_options_sameorigin

from accounts import tasks
from accounts.forms import MailPreviewForm
from accounts.models import BlockedAddress, Kind, OutgoingEmail, User
from accounts.selectors import time_zones
from accounts.services import mail_previews, outbox

# Second factors and sessions are their owners' own, on the account pages.
admin.site.unregister([Authenticator, UserSession, Group])


# What a mail needs: the styles in its elements. It loads nothing, and only our own page frames it.
PREVIEW_POLICY = {
    "default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [SELF],
    "base-uri": [NONE], "form-action": [NONE],
}  # fmt: skip


class ReadOnly(admin.options.BaseModelAdmin):
    """Rows that machinery writes: staff may look at them."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class PersonForm(UserChangeForm):
    # An unknown time zone would break every page of theirs.
    time_zone = ChoiceField(choices=time_zones.choices)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    filter_horizontal = ()


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People are deactivated here; they delete their accounts themselves, with all they hold."""

    form = PersonForm
    ordering = ("email",)
    list_display = ("email", "is_active", "is_staff", "alert_preference", "date_joined")
    list_filter = ("is_active", "is_staff", "alert_preference")
    search_fields = ("email",)
    date_hierarchy = "date_joined"
    filter_horizontal = ()  # its two lists have labels that no screen reader reads
    fieldsets = (
        (None, {"fields": ("email", "password", "date_joined", "last_login")}),
        ("Preferences", {"fields": ("alert_preference", "time_zone")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        # A new address needs proof, which its owner gives on the account pages.
        fixed = ("date_joined", "last_login")
        return (*fixed, "email") if obj else fixed

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        people: QuerySet[User] = super().get_queryset(request)
        return people.filter(guest_since=None)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(OutgoingEmail)
class OutgoingEmailAdmin(ReadOnly, admin.ModelAdmin):
    """The outbox without bodies: a link that signs somebody in is nobody else's to read.

    What failed, or may have arrived, is sent again or given up; else staff only look.
    """

    actions = ("send_again", "give_up")
    list_display = ("created_at", "kind", "recipient", "state", "attempt", "due_at", "last_error")
    list_filter = ("state", "kind")
    search_fields = ("recipient", "dedupe_key", "message_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    fields = (
        "recipient", "user", "kind", "reference", "dedupe_key", "subject", "message_id", "state",
        "attempt", "created_at", "due_at", "lease_until", "sent_at", "last_error",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"{name}/",
                self.admin_site.admin_view(view),
                name=f"accounts_outgoingemail_{name}",
            )
            for name, view in (("previews", self.previews), ("preview", self.preview))
        ]
        return own + super().get_urls()

    @method_decorator(csp_update({"frame-src": [SELF]}))
    def previews(self, request: HttpRequest) -> HttpResponse:
        """Every mail, chosen by its name and its person: as HTML, as text, and raw."""
        form = self._preview_form(request)
        context = {**self.admin_site.each_context(request), "title": "Every mail"}
        context |= {"opts": self.opts, "form": form}
        if form.is_valid():
            chosen = form.cleaned_data
            body = reverse("admin:accounts_outgoingemail_preview")
            context |= {
                "preview": mail_previews.render(chosen["mail"], user=chosen["person"]),
                "person": chosen["person"],
                "body_address": f"{body}?{urlencode(form.data)}",
            }
        status = 200 if form.is_valid() else 422
        return TemplateResponse(
            request, "admin/accounts/mail_previews.html", context, status=status
        )

    @method_decorator(xframe_options_sameorigin)
    @method_decorator(csp(PREVIEW_POLICY))
    def preview(self, request: HttpRequest) -> HttpResponse:
        """The HTML alone, for the frame of that page."""
        form = self._preview_form(request)
        if not form.is_valid():
            raise Http404
        chosen = form.cleaned_data
        found = mail_previews.render(chosen["mail"], user=chosen["person"])
        return HttpResponse(found.message.html)

    def _preview_form(self, request: HttpRequest) -> MailPreviewForm:
        if not self.has_decide_permission(request):
            raise PermissionDenied
        assert request.user.is_authenticated
        asked = {"mail": f"letter-{Kind.DRIFT}", "person": request.user.email}
        return MailPreviewForm(
            asked | {name: request.GET[name] for name in asked.keys() & request.GET.keys()}
        )

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_outgoingemail")

    @admin.action(
        description="Send again (a message of unknown end may arrive twice)",
        permissions=["decide"],
    )
    def send_again(self, request: HttpRequest, rows: QuerySet[OutgoingEmail]) -> None:
        self._decide(request, rows, outbox.send_again, "Sent again.", "queued again")
        transaction.on_commit(tasks.send_due_mail.delay, robust=True)

    @admin.action(description="Give up", permissions=["decide"])
    def give_up(self, request: HttpRequest, rows: QuerySet[OutgoingEmail]) -> None:
        self._decide(request, rows, outbox.give_up, "Given up.", "given up")

    def _decide(
        self,
        request: HttpRequest,
        rows: QuerySet[OutgoingEmail],
        decide: Callable[..., list[OutgoingEmail]],
        entry: str,
        words: str,
    ) -> None:
        """Do it where it can be done, and say of how many rows it was and was not."""
        chosen = list(rows.values_list("pk", flat=True))
        with transaction.atomic():
            decided = decide(ids=chosen)
            LogEntry.objects.log_actions(request.user.pk or 0, decided, CHANGE, entry)
        if decided:
            self.message_user(request, f"{_messages(len(decided))} {words}.", messages.SUCCESS)
        if left := len(chosen) - len(decided):
            self.message_user(
                request,
                f"{_messages(left)} left as before: only what failed or has an unknown end, and "
                "still has its words, can be decided here.",
                messages.WARNING,
            )


@admin.register(BlockedAddress)
class BlockedAddressAdmin(ReadOnly, admin.ModelAdmin):
    """Where no letters go, and why. Delete one to let letters go there again."""

    list_display = ("address", "reason", "since", "words")
    list_filter = ("reason",)
    search_fields = ("address",)
    date_hierarchy = "since"
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("accounts.delete_blockedaddress")


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"
