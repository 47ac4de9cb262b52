"""Quarterly reviews: five questions with their figures, answered one by one, then a document."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.fields import Day, Fields, Flag, Measured, Moment, Paragraphs, Query
from accounts.api.views import refuses
from analytics.api import NotMeasured, ReviewRefused
from analytics.api.risk import OfReading
from analytics.models import QuarterlyReview
from analytics.selectors import quarterly_reviews as selector
from analytics.selectors.quarterly_reviews import Answer, ComparedLine
from analytics.services import quarterly_reviews
from portfolios.models import Portfolio


class ReviewLine(Fields):
    label = serializers.CharField()
    now = Measured(help_text="null: not known, or said in words.")
    before = Measured(help_text="In the review before; null likewise.")
    now_words = serializers.CharField(help_text="What is no number; else empty.")
    before_words = serializers.CharField()


class ReviewAnswer(Fields):
    question = serializers.CharField(source="question.key")
    title = serializers.CharField(source="question.title")
    words = serializers.CharField(source="question.words")
    is_answered = serializers.BooleanField()
    changes = serializers.BooleanField(help_text="Whether something should change.")
    note = serializers.CharField()
    note_before = serializers.CharField()
    lines = ReviewLine(many=True)


class QuarterlyReviewFields(Fields):
    id = serializers.IntegerField()
    as_of = Day(help_text="The close that the figures are of.")
    created_at = Moment()
    finished_at = Moment(allow_null=True, help_text="null: not every question is answered.")


class QuarterlyReviewDetail(QuarterlyReviewFields):
    previous = serializers.IntegerField(allow_null=True, help_text="The review before.")
    answers = ReviewAnswer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Leave it as it is", {"changes": False, "note": "Both are wanted."}, request_only=True
        )
    ]
)
class ConclusionFields(Fields):
    changes = Flag(help_text="Whether something should change.")
    note = Paragraphs(
        default="",
        allow_blank=True,
        max_length=quarterly_reviews.LONGEST_NOTE,
        help_text="Why, or what.",
    )


class QuarterlyReviews(OfReading):
    ordering = ("-created_at", "-id")

    @extend_schema(responses=QuarterlyReviewFields(many=True), summary="List quarterly reviews")
    def list(self, request: Request, pk: int) -> Response:
        """The newest first; one may be unfinished."""
        Query.of(request)
        return self.page(self._rows(self.portfolio()), QuarterlyReviewFields)

    @extend_schema(
        request=None,
        responses={201: QuarterlyReviewDetail, 200: QuarterlyReviewDetail},
        summary="Begin a quarterly review",
    )
    @refuses("not_measured", "not_calculated")
    def create(self, request: Request, pk: int) -> Response:
        """With the figures of the last close. 200 with the unfinished one, where there is one."""
        portfolio = self.portfolio()
        begun = selector.unfinished(portfolio)
        if begun is None:
            reading = self.reading(portfolio)
            if reading.result.value <= 0:
                raise NotMeasured("Nothing is held whose price is known.")
            review = quarterly_reviews.begin(portfolio=portfolio, reading=reading)
            return self._told(review, status=201)
        return self._told(begun)

    @extend_schema(responses=QuarterlyReviewDetail, summary="Read a quarterly review")
    def retrieve(self, request: Request, pk: int, review: int) -> Response:
        """Every question with its figures, beside those of the review before."""
        Query.of(request)
        return self._told(self._review())

    @extend_schema(
        request=ConclusionFields, responses=QuarterlyReviewDetail, summary="Answer a question"
    )
    @refuses("review")
    def update(self, request: Request, pk: int, review: int, question: str) -> Response:
        """What you conclude from its figures. A finished review stays as it is."""
        found = self._review()
        sent = ConclusionFields(data=request.data)
        if question not in selector.KEYS:
            raise NotFound(f"The questions are {', '.join(selector.KEYS)}.")
        sent.is_valid(raise_exception=True)
        if not quarterly_reviews.answer(review=found, question=question, **sent.validated_data):
            raise ReviewRefused("This review is finished. Begin another one.")
        return self._told(self._review())

    @extend_schema(
        request=None, responses=QuarterlyReviewDetail, summary="Finish a quarterly review"
    )
    @refuses("review")
    def finish(self, request: Request, pk: int, review: int) -> Response:
        """Make it a document, once every question is answered."""
        found = self._review()
        if not quarterly_reviews.finish(review=found, now=timezone.now()):
            missing = [key for key in selector.KEYS if key not in found.conclusions]
            raise ReviewRefused(f"Answer these first: {', '.join(missing)}.")
        return self._told(self._review())

    def _rows(self, portfolio: Portfolio) -> QuerySet[QuarterlyReview]:
        return QuarterlyReview.objects.filter(portfolio=portfolio)

    def _review(self) -> QuarterlyReview:
        rows = self._rows(self.portfolio()).select_related("portfolio")
        found: QuarterlyReview = get_object_or_404(rows, pk=self.kwargs["review"])
        return found

    def _told(self, review: QuarterlyReview, status: int = 200) -> Response:
        before = selector.previous(review)
        answers = [_answer(answer, review) for answer in selector.answers(review, before=before)]
        body = QuarterlyReviewFields(review).data | {
            "previous": before.pk if before else None,
            "answers": ReviewAnswer(answers, many=True).data,
        }
        return Response(body, status=status)


def _answer(answer: Answer, review: QuarterlyReview) -> dict[str, Any]:
    names = ("question", "changes", "note", "note_before")
    return {name: getattr(answer, name) for name in names} | {
        "is_answered": answer.question.key in review.conclusions,
        "lines": [_line(line) for line in answer.lines],
    }


def _line(line: ComparedLine) -> dict[str, Any]:
    told: dict[str, Any] = {"label": line.label}
    for name, value in (("now", line.now), ("before", line.before)):
        in_words = isinstance(value, str)
        told |= {name: None if in_words else value, f"{name}_words": value if in_words else ""}
    return told
