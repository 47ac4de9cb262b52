"""A portfolio that is being put together, before there is one."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class PortfolioDraft(models.Model):
    """What somebody has answered in the wizard so far, by step. One each."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="portfolio_draft"
    )
    answers = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Draft of {self.owner}"
