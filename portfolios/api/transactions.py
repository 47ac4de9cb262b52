"""The ledger of a portfolio, line by line, and many lines at once."""

import re
from typing import Any

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

from accounts.api.fields import Exact, Fields, Moment, Query, Text
from accounts.api.views import refuses
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import IF_MATCH, OfPortfolio
from portfolios.models import Portfolio, Transaction
from portfolios.selectors import activity, assets
from portfolios.services import idempotency, transactions

MOST_AT_ONCE = 1_000
KEY_PATTERN = "^[!-~]{1,100}$"
Kind = Transaction.Kind
PLACES = ("received", "sent", "fee", "value")
Lines = list[dict[str, Any]]
WRITTEN_BY_HAND = [each for each in Kind.choices if each[0] not in (Kind.MIGRATION, Kind.BALANCE)]
REFUSALS = ("ledger", "quantity", "shortfall", "unknown_asset", "conflict", "changed_since")
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description="Of your choice. Sent again with the same body, nothing is added twice.",
)
PURCHASE = {
    "kind": "buy",
    "at": "2024-06-01T09:30:00Z",
    "received": {"asset": "bitcoin", "quantity": "0.01"},
    "sent": {"asset": "usd", "quantity": "675"},
    "note": "Monthly",
}
DEPOSIT = {
    "kind": "deposit",
    "at": "2024-06-02T12:00:00+02:00",
    "received": {"asset": "bitcoin", "quantity": "0.5"},
}


class LegFields(Fields):
    asset = AssetKey()
    quantity = Exact(help_text="Units of the asset.")


@extend_schema_field(LegFields(allow_null=True))
class Leg(serializers.Field):
    """A leg as it is stored: `received_asset` and `received_quantity`, or neither."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, source="*", **options)

    def to_representation(self, entry: Transaction) -> dict[str, Any] | None:
        asset = getattr(entry, f"{self.field_name}_asset")
        quantity = "value" if self.field_name == "value" else f"{self.field_name}_quantity"
        if asset is None:
            return None
        leg: dict[str, Any] = LegFields({"asset": asset, "quantity": getattr(entry, quantity)}).data
        return leg


class TransactionFields(Fields):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(Kind.choices)
    at = Moment()
    received = Leg()
    sent = Leg()
    fee = Leg(help_text="In addition to what was sent.")
    value = Leg(help_text="What it was worth, in a currency.")
    note = serializers.CharField()
    external_id = serializers.CharField(help_text="At the exchange.")
    import_id = serializers.IntegerField(
        source="import_run_id", allow_null=True, help_text="The import that added it."
    )
    created_at = Moment()


@extend_schema_serializer(examples=[OpenApiExample("A purchase", PURCHASE, request_only=True)])
class NewTransaction(Fields):
    kind = serializers.ChoiceField(WRITTEN_BY_HAND)
    at = Moment()
    received = LegFields(required=False)
    sent = LegFields(required=False)
    fee = LegFields(required=False)
    value = LegFields(required=False, help_text="In a currency; “0” is a gift.")
    note = Text(required=False, allow_blank=True, max_length=500)
    external_id = Text(required=False, allow_blank=True, max_length=200)


@extend_schema_serializer(
    examples=[OpenApiExample("Two", {"transactions": [PURCHASE, DEPOSIT]}, request_only=True)]
)
class NewTransactions(Fields):
    transactions = serializers.ListField(
        child=NewTransaction(), min_length=1, max_length=MOST_AT_ONCE
    )


class RecordedFields(Fields):
    is_replay = serializers.BooleanField(help_text="They had come with this key before.")
    transactions = TransactionFields(many=True)


class TransactionQuery(Query):
    kind = serializers.ChoiceField(Kind.choices, required=False)
    asset = AssetKey(required=False, help_text="That any leg names.")
    since = Moment(required=False, help_text="At this moment or later.")
    until = Moment(required=False, help_text="Before this moment.")


class Transactions(OfPortfolio):
    ordering = ("-at", "-id")

    @extend_schema(
        parameters=[TransactionQuery],
        responses=TransactionFields(many=True),
        summary="List transactions",
    )
    @refuses("unknown_asset")
    def list(self, request: Request, pk: int) -> Response:
        """The newest first."""
        asked = TransactionQuery.of(request)
        portfolio = self.portfolio()
        if key := asked.pop("asset", None):
            asked["asset"] = assets.by_key([key], user=request.user)[key]
        return self.page(activity.filtered(portfolio, **asked), TransactionFields)

    @extend_schema(
        parameters=[IF_MATCH, KEY],
        request=NewTransaction,
        responses={201: RecordedFields, 200: RecordedFields},
        summary="Add a transaction",
    )
    @refuses(*REFUSALS, "key_reused")
    def create(self, request: Request, pk: int) -> Response:
        """200 instead of 201 when it came with this key before."""
        sent = NewTransaction(data=request.data)
        portfolio = self.portfolio()
        sent.is_valid(raise_exception=True)
        return self._record(request, portfolio, [sent.validated_data], [request.data])

    @extend_schema(
        parameters=[IF_MATCH, KEY],
        request=NewTransactions,
        responses={201: RecordedFields, 200: RecordedFields},
        summary="Add many transactions",
    )
    @refuses(*REFUSALS, "key_reused")
    def bulk(self, request: Request, pk: int) -> Response:
        """All or none. 200 instead of 201 when they came with this key before."""
        sent = NewTransactions(data=request.data)
        portfolio = self.portfolio()
        sent.is_valid(raise_exception=True)
        lines = sent.validated_data["transactions"]
        return self._record(request, portfolio, lines, request.data["transactions"])

    @extend_schema(responses=TransactionFields, summary="Read a transaction")
    def retrieve(self, request: Request, pk: int, transaction: int) -> Response:
        Query.of(request)
        portfolio = self.portfolio()
        entry = _entry_or_404(portfolio, transaction)
        return self.answer(portfolio, TransactionFields(entry).data)

    @extend_schema(
        parameters=[IF_MATCH],
        request=NewTransaction,
        responses=TransactionFields,
        summary="Replace a transaction",
    )
    @refuses(*REFUSALS)
    def update(self, request: Request, pk: int, transaction: int) -> Response:
        portfolio = self.portfolio()
        entry = _entry_or_404(portfolio, transaction)
        seen = self.expected_revision(portfolio)
        sent = NewTransaction(data=request.data)
        sent.is_valid(raise_exception=True)
        _fill(request, [entry], [sent.validated_data])
        transactions.change(entry=entry, now=timezone.now(), expected_revision=seen)
        portfolio.refresh_from_db(fields=["revision"])
        return self.answer(portfolio, TransactionFields(entry).data)

    @extend_schema(parameters=[IF_MATCH], responses={204: None}, summary="Remove a transaction")
    @refuses("shortfall", "quantity", "conflict", "changed_since")
    def destroy(self, request: Request, pk: int, transaction: int) -> Response:
        portfolio = self.portfolio()
        entry = _entry_or_404(portfolio, transaction)
        seen = self.expected_revision(portfolio)
        transactions.remove(portfolio=portfolio, ids=[entry.pk], expected_revision=seen)
        return self.answer(portfolio, None, status=204)

    def _record(
        self, request: Request, portfolio: Portfolio, lines: Lines, said: Lines
    ) -> Response:
        entries = [Transaction() for _ in lines]
        _fill(request, entries, lines)
        recorded = idempotency.record(
            portfolio=portfolio,
            entries=entries,
            key=_key(request),
            sent=said,
            now=timezone.now(),
            expected_revision=self.expected_revision(portfolio),
        )
        body = {"is_replay": recorded.is_replay, "transactions": recorded.entries}
        status = 200 if recorded.is_replay else 201
        return self.answer(portfolio, RecordedFields(body).data, status=status)


def _fill(request: Request, entries: list[Transaction], lines: Lines) -> None:
    """Put what was sent into the entries, and take out what was not. Raises UnknownAsset."""
    keys = {line[name]["asset"] for line in lines for name in PLACES if name in line}
    named = assets.by_key(keys, user=request.user)
    for entry, line in zip(entries, lines, strict=True):
        entry.kind, entry.at = line["kind"], line["at"]
        entry.note, entry.external_id = line.get("note", ""), line.get("external_id", "")
        for name in PLACES:
            arrives_whole = name == "received" and line["kind"] == Kind.TRANSFER
            leg = line.get(name, line.get("sent") if arrives_whole else None)
            setattr(entry, f"{name}_asset", named[leg["asset"]] if leg else None)
            quantity = "value" if name == "value" else f"{name}_quantity"
            setattr(entry, quantity, leg["quantity"] if leg else None)


def _key(request: Request) -> str | None:
    key: str | None = request.headers.get("Idempotency-Key")
    if key is None or re.fullmatch(KEY_PATTERN, key):
        return key
    raise ValidationError({"Idempotency-Key": ["This must be printable, without spaces."]})


def _entry_or_404(portfolio: Portfolio, pk: int) -> Transaction:
    rows = portfolio.transactions.select_related("portfolio", *activity.PLACES)
    entry: Transaction = get_object_or_404(rows, pk=pk)
    return entry
