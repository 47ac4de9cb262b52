"""People: they sign in with their e-mail address, and have no other name."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


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
    """When to write about portfolios that left their bands."""

    EACH = "each", "At once, one e-mail for each portfolio"
    DAILY = "daily", "At most once a day, all portfolios together"
    WEEKLY = "weekly", "On Mondays, all portfolios of the week together"
    NONE = "none", "Never"


class User(AbstractBaseUser, PermissionsMixin):
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
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

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
        )

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()
