"""A portfolio as one file that brings it back."""

import json
from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import Fields, Query
from accounts.api.parsers import OneFile
from accounts.api.views import refuses
from portfolios.api.portfolios import OfPortfolio, PortfolioFields
from portfolios.forms.portfolio_files import PortfolioFileForm
from portfolios.services import portfolio_files, portfolio_restores
from portfolios.services.portfolio_restores import RestoreError


class PortfolioFileFields(Fields):
    file = serializers.FileField(help_text="JSON or CSV, as it was exported.")


class PortfolioFiles(OfPortfolio):
    pagination_class = None

    def get_parsers(self) -> Sequence[Any]:
        return [OneFile()]

    @extend_schema(responses=OpenApiTypes.OBJECT, summary="Export a portfolio")
    def retrieve(self, request: Request, pk: int) -> Response:
        """All of it, in the form that docs/ledger.md describes; as a file it opens another one."""
        Query.of(request)
        portfolio = self.portfolio()
        return self.answer(portfolio, json.loads("".join(portfolio_files.as_json(portfolio))))

    @extend_schema(
        request={"multipart/form-data": PortfolioFileFields},
        responses={201: PortfolioFields},
        summary="Open a portfolio from a file",
    )
    @refuses(
        "refused", "not_valid", "ledger", "quantity", "shortfall", "targets", "rules", "roles",
        "own_asset", "tilt", "conflict",
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        """In the state in which it was exported; all of it, or nothing."""
        sent = PortfolioFileFields(data=request.data)
        sent.is_valid(raise_exception=True)
        form = PortfolioFileForm({}, MultiValueDict({"file": [sent.validated_data["file"]]}))
        if not form.is_valid():
            raise RestoreError(" ".join(map(str, form.errors["file"])))
        made = portfolio_restores.restore(
            owner=request.user, text=form.cleaned_data["file"], now=timezone.now()
        )
        response = self.answer(made, PortfolioFields(made).data, status=201)
        response["Location"] = reverse("api:portfolio", args=[made.pk], request=request)
        return response
