"""The admin site's view of people and of the outbox."""

from typing import Any

import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401  (registers what is unregistered below)
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.forms import ChoiceField
from django.http import HttpRequest

from accounts.models import BlockedAddress, OutgoingEmail, User
from accounts.selectors import time_zones

# Second factors and sessions are their owners' own, on the account pages.
admin.site.unregister([Authenticator, UserSession, Group])


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
    """The outbox without bodies: a link that signs somebody in is nobody else's to read."""

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
