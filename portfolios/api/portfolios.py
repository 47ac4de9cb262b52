"""Portfolios: opened, changed, copied, put away. What belongs to one is in modules of its own."""

from copy import copy
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.fields import Exact, Fields, Flag, Fraction, Moment, Paragraphs, Query, Text
from accounts.api.views import Resource, refuses
from portfolios.models import ModelPortfolio, Portfolio
from portfolios.selectors import model_claims, model_portfolios, prices
from portfolios.services import portfolios
from portfolios.services.errors import RevisionError, SlotError

IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": '^"?[0-9]{1,9}"?$'},
    OpenApiParameter.HEADER,
    description="The portfolio's ETag: refuse with 412 if it has changed since.",
)
SETTINGS = ("name", "tolerance_band", "wide_band", "fee_rate", "notes")
LEDGER = ("lot_method", "follows_cash")
LONGEST_NOTES = 10_000


class OfPortfolio(Resource):
    """What belongs to one portfolio of the person who asks; another's is not there."""

    def portfolio(self) -> Portfolio:
        visible = Portfolio.objects.visible_to(self.request.user).select_related("profile", "owner")
        found: Portfolio = get_object_or_404(visible, pk=self.kwargs["pk"])
        return found

    def expected_revision(self, portfolio: Portfolio) -> int | None:
        """What If-Match says that the program has seen; None: it says nothing."""
        sent = self.request.headers.get("If-Match")
        if sent is None:
            return None
        number = sent.strip('"')
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise ValidationError({"If-Match": ['This must be an ETag such as "7".']})
        if int(number) != portfolio.revision:
            raise RevisionError("This portfolio has changed since. Read it again, and decide anew.")
        return portfolio.revision

    def answer(self, portfolio: Portfolio, body: Any, status: int = 200) -> Response:
        """With the portfolio's revision as the ETag of what was read or written."""
        return Response(body, status=status, headers={"ETag": f'"{portfolio.revision}"'})


class PortfolioFields(Fields):
    id = serializers.IntegerField()
    name = serializers.CharField()
    profile = serializers.CharField(source="profile.slug", default=None, allow_null=True)
    tolerance_band = Fraction(help_text="How far a position may drift from its target.")
    wide_band = Fraction(help_text="The same while volatility is high.")
    relative_band = Fraction(allow_null=True, help_text="Of each target; null: none.")
    fee_rate = Fraction(help_text="What an exchange takes of each trade.")
    lot_method = serializers.ChoiceField(Portfolio.LotMethod.choices)
    follows_cash = serializers.BooleanField()
    notes = serializers.CharField()
    revision = serializers.IntegerField(help_text="Counts up with every change; the ETag, too.")
    archived_at = Moment(allow_null=True)
    created_at = Moment()


@extend_schema_serializer(
    examples=[
        OpenApiExample("Empty", {"name": "Rainy days"}, request_only=True),
        OpenApiExample(
            "10,000 dollars of a model",
            {"name": "Rainy days", "model": "moderate", "amount": "10000"},
            request_only=True,
        ),
    ]
)
class NewPortfolio(Fields):
    name = Text(max_length=portfolios.LONGEST_NAME)
    model = Text(required=False, max_length=50, help_text="The slug of a model portfolio.")
    amount = Exact(required=False, help_text="US dollars to spend on the model.")


@extend_schema_serializer(
    examples=[
        OpenApiExample("A narrower band", {"tolerance_band": "0.03"}, request_only=True),
    ]
)
class PortfolioChange(Fields):
    name = Text(max_length=portfolios.LONGEST_NAME)
    tolerance_band = Fraction()
    wide_band = Fraction()
    fee_rate = Fraction()
    notes = Paragraphs(max_length=LONGEST_NOTES, allow_blank=True)
    lot_method = serializers.ChoiceField(Portfolio.LotMethod.choices)
    follows_cash = Flag()


class PortfolioQuery(Query):
    archived = Flag(required=False, help_text="Only those put away, or only the others.")
    search = Text(required=False, max_length=80, allow_blank=True, help_text="In their names.")


class Portfolios(OfPortfolio):
    @extend_schema(
        parameters=[PortfolioQuery],
        responses=PortfolioFields(many=True),
        summary="List portfolios",
    )
    def list(self, request: Request) -> Response:
        return self.page(_listed(request, **PortfolioQuery.of(request)), PortfolioFields)

    @extend_schema(
        request=NewPortfolio, responses={201: PortfolioFields}, summary="Open a portfolio"
    )
    @refuses("refused", "slot", "missing_price", "quantity", "targets")
    def create(self, request: Request) -> Response:
        """Empty, or holding an amount of a model portfolio at the latest closes."""
        sent = NewPortfolio(data=request.data)
        sent.is_valid(raise_exception=True)
        made = _open(request, **sent.validated_data)
        return self._opened(request, made)

    @extend_schema(responses=PortfolioFields, summary="Read a portfolio")
    def retrieve(self, request: Request, pk: int) -> Response:
        Query.of(request)
        portfolio = self.portfolio()
        return self.answer(portfolio, PortfolioFields(portfolio).data)

    @extend_schema(
        parameters=[IF_MATCH],
        request=PortfolioChange(partial=True),
        responses=PortfolioFields,
        summary="Change a portfolio",
    )
    @refuses("not_valid", "shortfall", "quantity", "conflict", "changed_since")
    def partial_update(self, request: Request, pk: int) -> Response:
        portfolio = self.portfolio()
        seen = self.expected_revision(portfolio)
        sent = PortfolioChange(data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        _change(portfolio, seen, sent.validated_data)
        return self.answer(portfolio, PortfolioFields(self.portfolio()).data)

    @extend_schema(responses={204: None}, summary="Delete a portfolio")
    @refuses("conflict")
    def destroy(self, request: Request, pk: int) -> Response:
        """It can be brought back for seven days."""
        portfolios.delete(portfolio=self.portfolio())
        return Response(status=204)

    @extend_schema(request=None, responses=PortfolioFields, summary="Bring a portfolio back")
    @refuses("conflict")
    def undelete(self, request: Request, pk: int) -> Response:
        """One that was deleted within the last seven days."""
        owned = Portfolio.objects.owned_by(request.user)
        portfolios.undelete(portfolio=get_object_or_404(owned, pk=pk))
        return self._now()

    @extend_schema(request=None, responses=PortfolioFields, summary="Put a portfolio away")
    @refuses("conflict")
    def archive(self, request: Request, pk: int) -> Response:
        """It is kept, but no longer measured, and nobody is written to."""
        portfolios.archive(portfolio=self.portfolio())
        return self._now()

    @extend_schema(
        request=None, responses=PortfolioFields, summary="Take a portfolio out of the archive"
    )
    @refuses("conflict")
    def restore(self, request: Request, pk: int) -> Response:
        portfolios.restore(portfolio=self.portfolio())
        return self._now()

    @extend_schema(request=None, responses={201: PortfolioFields}, summary="Copy a portfolio")
    @refuses("refused")
    def clone(self, request: Request, pk: int) -> Response:
        """With its settings, rules, ledger, holdings and targets."""
        return self._opened(request, portfolios.clone(portfolio=self.portfolio()))

    def _now(self) -> Response:
        portfolio = self.portfolio()
        return self.answer(portfolio, PortfolioFields(portfolio).data)

    def _opened(self, request: Request, made: Portfolio) -> Response:
        response = self.answer(made, PortfolioFields(made).data, status=201)
        response["Location"] = reverse("api:portfolio", args=[made.pk], request=request)
        return response


class ModelLine(Fields):
    asset = serializers.CharField(source="asset.coingecko_id", default=None, allow_null=True)
    category = serializers.CharField(source="category.slug", default=None, allow_null=True)
    name = serializers.CharField(source="slot_name", help_text="Of a category's slot.")
    weight = Fraction()


class ClaimFields(Fields):
    measure = serializers.CharField()
    claimed = serializers.CharField(help_text="By the article.")
    measured = serializers.CharField(help_text="From 2021 to 2024, without costs.")


class ConflictFields(Fields):
    rule = serializers.CharField(help_text="Of the article.")
    found = serializers.CharField(help_text="What its own model has instead.")


class ModelFields(Fields):
    slug = serializers.CharField()
    name = serializers.CharField()
    profile = serializers.CharField(source="profile.slug")
    description = serializers.CharField()
    lines = ModelLine(many=True)
    claims = serializers.SerializerMethodField()
    conflicts = serializers.SerializerMethodField()

    @extend_schema_field(ClaimFields(many=True))
    def get_claims(self, model: ModelPortfolio) -> Any:
        return ClaimFields(model_claims.CLAIMS.get(model.slug, ()), many=True).data

    @extend_schema_field(ConflictFields(many=True))
    def get_conflicts(self, model: ModelPortfolio) -> Any:
        return ConflictFields(model_claims.conflicts(model), many=True).data


class ModelPortfolios(Resource):
    pagination_class = None

    @extend_schema(responses=ModelFields(many=True), summary="List model portfolios")
    def list(self, request: Request) -> Response:
        Query.of(request)
        return Response(ModelFields(model_portfolios.all_with_lines(), many=True).data)


def _listed(
    request: Request, *, archived: bool | None = None, search: str = ""
) -> QuerySet[Portfolio]:
    rows = Portfolio.objects.visible_to(request.user).select_related("profile")
    if archived is not None:
        rows = rows.filter(archived_at__isnull=not archived)
    return rows.filter(name__icontains=search) if search else rows


def _open(request: Request, *, name: str, model: str = "", amount: Any = None) -> Portfolio:
    if not model and amount is None:
        return portfolios.create(owner=request.user, name=name)
    found = ModelPortfolio.objects.filter(slug=model).first()
    if found is None or amount is None:
        raise SlotError("Give the slug of a model portfolio, and the amount to spend on it.")
    as_of = prices.last_complete_day() or timezone.now().date()
    closes = {pk: latest.close for pk, latest in prices.latest_closes(as_of=as_of).items()}
    return portfolios.create_from_model(
        owner=request.user, name=name, model_portfolio=found, amount=amount, closes=closes
    )


def _change(portfolio: Portfolio, seen: int | None, sent: dict[str, Any]) -> None:
    """What was sent, and the rest as it is. One change of revision for each of the two forms."""
    changed = copy(portfolio)
    for name, value in sent.items():
        setattr(changed, name, value)
    changed.full_clean(validate_unique=False)
    if settings := {name: getattr(changed, name) for name in SETTINGS if sent.keys() & {*SETTINGS}}:
        portfolios.update_settings(portfolio=portfolio, expected_revision=seen, **settings)
        seen = seen and portfolio.revision
    if ledger := {name: getattr(changed, name) for name in LEDGER if sent.keys() & {*LEDGER}}:
        portfolios.update_ledger(portfolio=portfolio, expected_revision=seen, **ledger)
