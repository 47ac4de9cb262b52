"""What sales have gained, the lots that are left, and the lots that a sale takes."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Exact, Fields, Moment, Query, Whole
from accounts.api.renderers import CSV, Page
from accounts.api.views import refuses
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import IF_MATCH, OfPortfolio
from portfolios.models import Portfolio, Transaction
from portfolios.selectors import gains
from portfolios.services import lot_choices
from portfolios.services.errors import LedgerError

MOST_LOTS = 1_000


class Dollars(Exact):
    """An exact amount of US dollars; null where nobody knows it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_null": True, "read_only": True, **options})

    def to_representation(self, value: Any) -> str:
        return super().to_representation(round(value, 8))


class GainFields(Fields):
    """A part of a sale that came from one lot."""

    asset = AssetKey()
    symbol = serializers.CharField(source="asset.symbol")
    sold_at = Moment(source="disposal.at")
    sale = serializers.IntegerField(source="disposal.line", help_text="A transaction.")
    quantity = Exact(source="disposal.quantity")
    acquired_at = Moment(source="disposal.acquired_at")
    purchase = serializers.IntegerField(source="disposal.purchase", help_text="A transaction.")
    days_held = serializers.IntegerField()
    proceeds = Dollars(source="disposal.proceeds")
    cost = Dollars(source="disposal.cost")
    gain = Dollars(source="disposal.gain")


class GainsFields(Fields):
    lot_method = serializers.ChoiceField(Portfolio.LotMethod.choices)
    years = serializers.ListField(
        child=serializers.IntegerField(), help_text="In which something was sold, the newest first."
    )
    year = serializers.IntegerField(allow_null=True, help_text="UTC; null: nothing was sold.")
    total = Dollars(help_text="Of those that are known.")
    unknown = serializers.IntegerField(help_text="Parts of sales whose gain nobody knows.")
    gains = GainFields(many=True)


class GainsQuery(Query):
    year = serializers.IntegerField(
        required=False, min_value=2009, max_value=9999, help_text="The newest by default."
    )


class Gains(OfPortfolio):
    pagination_class = None
    renderer_classes = (JSONRenderer, CSV, Page)
    csv_rows = "gains"

    @extend_schema(parameters=[GainsQuery], responses=GainsFields, summary="Read realised gains")
    def retrieve(self, request: Request, pk: int) -> Response:
        """A year at a time, by the portfolio's lot method, in US dollars of each day."""
        asked = GainsQuery.of(request)
        portfolio = self.portfolio()
        report = gains.read(portfolio)
        year = asked.get("year", report.years[0] if report.years else None)
        found = report.of_year(year) if year else gains.YearOfGains(0, [])
        body = {
            "lot_method": portfolio.lot_method,
            "years": report.years,
            "year": year,
            "total": found.total,
            "unknown": found.unknown,
            "gains": found.gains,
        }
        return self.answer(portfolio, GainsFields(body).data)


class LotFields(Fields):
    asset = AssetKey()
    symbol = serializers.CharField(source="asset.symbol")
    purchase = serializers.IntegerField(source="lot.line", help_text="A transaction.")
    acquired_at = Moment(source="lot.acquired_at")
    quantity = Exact(source="lot.quantity", help_text="What is left of it.")
    cost = Dollars(source="lot.cost")


class LotsFields(Fields):
    lots = LotFields(many=True)


class Lots(OfPortfolio):
    pagination_class = None
    renderer_classes = (JSONRenderer, CSV, Page)
    csv_rows = "lots"

    @extend_schema(responses=LotsFields, summary="Read the open lots")
    def retrieve(self, request: Request, pk: int) -> Response:
        """What is left of each purchase, asset by asset, the oldest first."""
        Query.of(request)
        portfolio = self.portfolio()
        found = {"lots": gains.read(portfolio).open_lots}
        return self.answer(portfolio, LotsFields(found).data)


class ChoiceFields(Fields):
    purchase = Whole(min_value=1, help_text="A transaction that brought what was sold.")
    quantity = Exact(help_text="What the sale takes of it.")


@extend_schema_serializer(
    examples=[OpenApiExample("The oldest first, as without", {"choices": []}, request_only=True)]
)
class ChoicesFields(Fields):
    choices = serializers.ListField(
        child=ChoiceFields(), max_length=MOST_LOTS, help_text="The oldest lots give the rest."
    )


class AvailableFields(Fields):
    purchase = serializers.IntegerField(source="line")
    acquired_at = Moment()
    quantity = Exact(help_text="What was left of it at that moment.")


class SaleLotsFields(Fields):
    choices = ChoiceFields(many=True, help_text="Followed where lots are chosen sale by sale.")
    available = AvailableFields(many=True)


class SaleLots(OfPortfolio):
    pagination_class = None

    @extend_schema(responses=SaleLotsFields, summary="Read the lots of a sale")
    def retrieve(self, request: Request, pk: int, transaction: int) -> Response:
        """Those that were there just before it, and how much was chosen of each."""
        Query.of(request)
        portfolio = self.portfolio()
        return self._answer(portfolio, self._sale(portfolio))

    @extend_schema(
        parameters=[IF_MATCH],
        request=ChoicesFields,
        responses=SaleLotsFields,
        summary="Choose the lots of a sale",
    )
    @refuses("ledger", "quantity", "conflict", "changed_since")
    def update(self, request: Request, pk: int, transaction: int) -> Response:
        portfolio = self.portfolio()
        sale = self._sale(portfolio)
        seen = self.expected_revision(portfolio)
        sent = ChoicesFields(data=request.data)
        sent.is_valid(raise_exception=True)
        chosen = sent.validated_data["choices"]
        quantities = {each["purchase"]: each["quantity"] for each in chosen}
        if len(quantities) < len(chosen):
            raise LedgerError("Name each purchase once.")
        lot_choices.replace(sale=sale, quantities=quantities, expected_revision=seen)
        return self._answer(self.portfolio(), sale)

    def _sale(self, portfolio: Portfolio) -> Transaction:
        rows = portfolio.transactions.select_related("portfolio", "sent_asset")
        found: Transaction = get_object_or_404(rows, pk=self.kwargs["transaction"])
        return found

    def _answer(self, portfolio: Portfolio, sale: Transaction) -> Response:
        chosen = [
            {"purchase": each.purchase_id, "quantity": each.quantity}
            for each in sale.lot_choices.order_by("pk")
        ]
        found = {"choices": chosen, "available": gains.lots_before(portfolio, sale)}
        return self.answer(portfolio, SaleLotsFields(found).data)
