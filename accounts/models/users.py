"""People: they sign in with their e-mail address, and have no other name. And guests."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

# How long a guest may stay without signing up.
GUEST_STAYS = timedelta(days=7)
# No mail can ever be delivered below it (RFC 2606).
GUEST_DOMAIN = "guest.invalid"


class UserManager(BaseUserManager["User"]):
    use_in_migrations = True

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class AlertPreference(models.TextChoices):
    """When to write about what needs attention."""

    EACH = "each", "At once, all news of a night together"
    DAILY = "daily", "Once a day, if there is news"
    WEEKLY = "weekly", "On Mondays, all news of the week together"
    NONE = "none", "Never"


class Theme(models.TextChoices):
    SYSTEM = "system", "As the device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class NumberStyle(models.TextChoices):
    """What separates thousands, and what marks decimals."""

    COMMA_POINT = "comma_point", "1,234.56"
    POINT_COMMA = "point_comma", "1.234,56"
    SPACE_POINT = "space_point", "1 234.56"
    SPACE_COMMA = "space_comma", "1 234,56"


class BaseUnit(models.TextChoices):
    """What the total of a portfolio is shown in, in addition to dollars."""

    DOLLAR = "usd", "US dollars only"
    BITCOIN = "btc", "Bitcoin too"
    ETHER = "eth", "Ether too"


class User(AbstractBaseUser, PermissionsMixin):
    """A person; or a guest, who tries the site without signing up and can do nothing else.

    A guest's rows become the person's who signs up or logs in from the same browser, or who
    has signed up there and logs in from anywhere (`accounts.services.guests`).
    """

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May open the admin site.")
    alert_preference = models.CharField(
        "e-mail about portfolios",
        max_length=6,
        choices=AlertPreference,
        default=AlertPreference.EACH,
        db_default=AlertPreference.EACH,
    )
    letter_hour = models.PositiveSmallIntegerField(
        "hour of daily and weekly letters", default=8, db_default=8
    )
    muted_kinds = ArrayField(
        models.CharField(max_length=20),
        default=list,
        db_default=[],
        blank=True,
        help_text="Kinds of notifications that no letter is written about.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    theme = models.CharField(
        max_length=6, choices=Theme, default=Theme.SYSTEM, db_default=Theme.SYSTEM
    )
    number_style = models.CharField(
        max_length=11,
        choices=NumberStyle,
        default=NumberStyle.COMMA_POINT,
        db_default=NumberStyle.COMMA_POINT,
    )
    base_unit = models.CharField(
        max_length=3, choices=BaseUnit, default=BaseUnit.DOLLAR, db_default=BaseUnit.DOLLAR
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    guest_since = models.DateTimeField(null=True, editable=False)
    signed_up_as = models.ForeignKey(
        "self",
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="guests",
        help_text="Of a guest: the person who has signed up and not logged in yet.",
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(alert_preference__in=["each", "daily", "weekly", "none"]),
                name="user_alert_preference_known",
            ),
            models.CheckConstraint(
                condition=models.Q(letter_hour__lte=23), name="user_letter_hour_of_a_day"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    theme__in=["system", "light", "dark"],
                    number_style__in=["comma_point", "point_comma", "space_point", "space_comma"],
                    base_unit__in=["usd", "btc", "eth"],
                ),
                name="user_display_known",
            ),
            # Whatever goes wrong elsewhere, a guest has no password, no rights and no address.
            models.CheckConstraint(
                condition=models.Q(guest_since__isnull=True)
                | models.Q(
                    is_active=False,
                    is_staff=False,
                    is_superuser=False,
                    password__startswith="!",
                    email__endswith=f"@{GUEST_DOMAIN}",
                ),
                name="user_guest_can_do_nothing_else",
            ),
        )
        indexes = (
            models.Index(
                fields=["guest_since"],
                name="user_guests",
                condition=models.Q(guest_since__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.email

    @property
    def is_guest(self) -> bool:
        return self.guest_since is not None

    @property
    def guest_until(self) -> datetime | None:
        return self.guest_since and self.guest_since + GUEST_STAYS

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()
