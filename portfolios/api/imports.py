"""Files into a ledger: sent, asked about, looked at, confirmed, undone."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Fields, Flag, Moment, Query, Text
from accounts.api.parsers import OneFile
from accounts.api.problems import TooLarge
from accounts.api.views import refuses
from accounts.selectors import time_zones
from portfolios import tasks
from portfolios.api.assets import AssetKey
from portfolios.api.portfolios import OfPortfolio
from portfolios.importers import formats, mapped
from portfolios.models import Import, ImportRow
from portfolios.selectors import assets
from portfolios.services import import_answers, import_previews, imports, tickers
from portfolios.services.errors import ImportRefusedError

STATES = Import.State.choices
REFUSALS = ("import_refused", "conflict")
SHORTFALLS = [
    (import_answers.OPENING, "Open the history with what is missing"),
    (import_answers.LEAVE_OUT, "Leave these rows out"),
]
TICKERS = {"tickers": [{"ticker": "BTC", "asset": "bitcoin"}]}


class ImportFields(Fields):
    id = serializers.IntegerField()
    file_name = serializers.CharField()
    format = serializers.CharField()
    state = serializers.ChoiceField(STATES)
    total = serializers.IntegerField(help_text="Rows to add.")
    added = serializers.IntegerField()
    already_there = serializers.IntegerField()
    refused = serializers.IntegerField()
    outcome = serializers.CharField(help_text="Why it ended otherwise than it should.")
    created_at = Moment()
    finished_at = Moment(allow_null=True)


class QuestionFields(Fields):
    """What only its owner knows about the file. Answer with the names of these fields."""

    formats = serializers.ListField(child=serializers.CharField(), help_text="`format`: one of.")
    columns = serializers.ListField(
        child=serializers.CharField(), help_text="`columns`: titles, to be given their roles."
    )
    days = serializers.ListField(
        child=serializers.CharField(), help_text="`day_first`: dates that could be either."
    )
    numbers = serializers.ListField(
        child=serializers.CharField(), help_text="`decimal_comma`: numbers that could be either."
    )


class TickerFields(Fields):
    ticker = serializers.CharField()
    count = serializers.IntegerField(help_text="Rows that have it.")
    candidates = serializers.ListField(child=AssetKey())
    asset = AssetKey(allow_null=True)
    is_left_out = serializers.BooleanField()
    is_settled = serializers.BooleanField()


class ImportDetail(ImportFields):
    questions = QuestionFields(allow_null=True)
    tickers = TickerFields(many=True)


class RowFields(Fields):
    line = serializers.IntegerField(help_text="In the file; 0 is no row of it.")
    fate = serializers.ChoiceField(ImportRow.Fate.choices)
    reason = serializers.CharField()
    column = serializers.CharField()


class RowQuery(Query):
    fate = serializers.ChoiceField(ImportRow.Fate.choices, required=False)


class FileFields(Fields):
    file = serializers.FileField(help_text="A history as CSV.")


@extend_schema_serializer(
    examples=[OpenApiExample("Dates", {"day_first": True}, request_only=True)]
)
class Answers(Fields):
    format = serializers.ChoiceField([*formats.FORMATS, formats.MAPPED], required=False)
    columns = serializers.DictField(
        child=Text(allow_blank=True, max_length=200),
        required=False,
        help_text=f"The title of the column of each role: {', '.join(mapped.ROLES)}.",
    )
    day_first = Flag(required=False)
    decimal_comma = Flag(required=False)
    time_zone = serializers.ChoiceField(time_zones.names(), required=False)
    shortfalls = serializers.ChoiceField(
        SHORTFALLS, required=False, help_text="What becomes of rows that take more than is there."
    )


class TickerAnswer(Fields):
    ticker = Text(max_length=80)
    asset = AssetKey(allow_null=True, help_text="null: leave its rows out.")


@extend_schema_serializer(examples=[OpenApiExample("One", TICKERS, request_only=True)])
class TickerAnswers(Fields):
    tickers = serializers.ListField(child=TickerAnswer(), min_length=1, max_length=500)


@extend_schema_serializer(
    examples=[
        OpenApiExample("All that can be read", {"leave_out_refused": True}, request_only=True)
    ]
)
class Confirmation(Fields):
    leave_out_refused = Flag(required=False, help_text="Import without the rows that are refused.")


class OfImport(OfPortfolio):
    def import_run(self) -> Import:
        visible = Import.objects.visible_to(self.request.user).select_related("portfolio__owner")
        keys = {"pk": self.kwargs["import_run"], "portfolio_id": self.kwargs["pk"]}
        found: Import = get_object_or_404(visible, **keys)
        return found

    def told(self, run: Import, status: int = 200) -> Response:
        run = imports.refresh(import_run=run, now=timezone.now())
        found: dict[str, Any] = {name: getattr(run, name) for name in ImportFields().fields}
        is_asking, is_open = run.state == Import.State.ASKING, run.state in imports.OPEN
        found["questions"] = _questions(run) if is_asking else None
        found["tickers"] = import_previews.tickers_of(run).values() if is_open else ()
        return Response(ImportDetail(found).data, status=status)


class Imports(OfImport):
    ordering = "-pk"

    @extend_schema(responses=ImportFields(many=True), summary="List imports")
    def list(self, request: Request, pk: int) -> Response:
        """The newest first."""
        Query.of(request)
        rows = self.portfolio().imports.defer("text", "answers", "tickers")
        return self.page(rows, ImportFields)

    @extend_schema(
        request={"multipart/form-data": FileFields},
        responses={201: ImportDetail},
        summary="Send a file",
    )
    @refuses(*REFUSALS)
    def create(self, request: Request, pk: int) -> Response:
        """It is looked at, and takes the place of one that was not imported. Nothing is added."""
        portfolio = self.portfolio()
        sent = FileFields(data=request.data)
        sent.is_valid(raise_exception=True)
        file = sent.validated_data["file"]
        if file.size > imports.most_bytes():
            raise TooLarge(imports.too_large())
        run = imports.upload(
            portfolio=portfolio, file_name=file.name, content=file.read(), now=timezone.now()
        )
        return self.told(run, status=201)

    def get_parsers(self) -> Sequence[Any]:
        return [OneFile()] if self.action_map.get("post") == "create" else super().get_parsers()

    @extend_schema(responses=ImportDetail, summary="Read an import")
    def retrieve(self, request: Request, pk: int, import_run: int) -> Response:
        """As far as it has come: its questions, its counts, or what came of it."""
        Query.of(request)
        return self.told(self.import_run())

    @extend_schema(responses={204: None}, summary="Discard an import")
    def destroy(self, request: Request, pk: int, import_run: int) -> Response:
        """One that is not confirmed; any other stays as it is."""
        imports.discard(import_run=self.import_run())
        return Response(status=204)

    @extend_schema(request=Answers, responses=ImportDetail, summary="Answer about a file")
    @refuses(*REFUSALS)
    def answer_questions(self, request: Request, pk: int, import_run: int) -> Response:
        """What the file does not say itself; it is looked at again."""
        run = self.import_run()
        sent = Answers(data=request.data)
        sent.is_valid(raise_exception=True)
        _check_columns(run, sent.validated_data.get("columns"))
        answers = dict(sent.validated_data)
        return self.told(imports.answer(import_run=run, now=timezone.now(), **answers))

    @extend_schema(request=TickerAnswers, responses=ImportDetail, summary="Say what tickers are")
    @refuses(*REFUSALS, "unknown_asset")
    def tickers(self, request: Request, pk: int, import_run: int) -> Response:
        """Remembered for later files, too."""
        run = self.import_run()
        sent = TickerAnswers(data=request.data)
        sent.is_valid(raise_exception=True)
        keys = {each["ticker"]: each["asset"] for each in sent.validated_data["tickers"]}
        named = assets.by_key({key for key in keys.values() if key}, user=request.user)
        if unknown := sorted(set(keys) - set(run.tickers)):
            raise ImportRefusedError(f"The file has no ticker “{unknown[0]}”.")
        chosen = {ticker: named[key] if key else None for ticker, key in keys.items()}
        tickers.choose(owner=run.portfolio.owner, chosen=chosen)
        asked = sorted(set(run.answers.get("asked", ())) - set(chosen))
        return self.told(imports.answer(import_run=run, now=timezone.now(), asked=asked))

    @extend_schema(request=Confirmation, responses={202: ImportDetail}, summary="Confirm an import")
    @refuses(*REFUSALS)
    def confirm(self, request: Request, pk: int, import_run: int) -> Response:
        """A worker adds the new rows; read the import again to see when it is done."""
        run = self.import_run()
        sent = Confirmation(data=request.data)
        sent.is_valid(raise_exception=True)
        leave_out = sent.validated_data.get("leave_out_refused", False)
        imports.confirm(import_run=run, leave_out_refused=leave_out, now=timezone.now())
        tasks.carry_out_import.delay_on_commit(run.pk)
        return self.told(self.import_run(), status=202)

    @extend_schema(request=None, responses=ImportDetail, summary="Undo an import")
    @refuses("shortfall", "quantity", "conflict")
    def undo(self, request: Request, pk: int, import_run: int) -> Response:
        """Take everything out again that it added."""
        imports.undo(import_run=self.import_run())
        return self.told(self.import_run())


class ImportRows(OfImport):
    ordering = ("position",)

    @extend_schema(
        parameters=[RowQuery], responses=RowFields(many=True), summary="List rows of an import"
    )
    def list(self, request: Request, pk: int, import_run: int) -> Response:
        """What becomes of each row; kept until some days after the import."""
        asked = RowQuery.of(request)
        return self.page(self.import_run().rows.filter(**asked), RowFields)


def _questions(run: Import) -> dict[str, Any]:
    asked, titles = imports.questions(run)
    return {
        "formats": asked.formats,
        "columns": titles if asked.columns else (),
        "days": asked.days,
        "numbers": asked.numbers,
    }


def _check_columns(run: Import, columns: dict[str, str] | None) -> None:
    """Raise ImportRefusedError unless the roles are known and the titles the file's."""
    if columns is None:
        return
    _, titles = imports.questions(run)
    chosen = {role: title for role, title in columns.items() if title}
    if unknown := sorted(set(columns) - set(mapped.ROLES)):
        raise ImportRefusedError(f"A column cannot be “{unknown[0]}”.")
    if unknown := sorted(set(chosen.values()) - set(titles)):
        raise ImportRefusedError(f"The file has no column “{unknown[0]}”.")
    if lacking := mapped.missing(chosen):
        raise ImportRefusedError(lacking)
