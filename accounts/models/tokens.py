"""Keys to the API: only their hashes are stored (django-rest-knox)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):
    """A person's key for one programme: what it is called, what it may do, until when.

    `token_key` is how the token begins: enough to tell it from others, and no use without the rest.
    """

    class Scope(models.TextChoices):
        READ = "read", "Read only"
        WRITE = "write", "Read and write"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[models.Manager["ApiToken"]] = models.Manager()

    class Meta:
        ordering = ("-created",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "write"]), name="api_token_scope_known"
            ),
        )

    def __str__(self) -> str:
        return self.name
