"""The quarterly review: five questions one after the other, then a document to print."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from analytics.forms.reviews import ConclusionForm
from analytics.models import QuarterlyReview
from analytics.selectors import portfolio_pages
from analytics.selectors import quarterly_reviews as selector
from analytics.services import quarterly_reviews as services
from analytics.views import portfolios as pages
from portfolios.models import Portfolio

SHOWN = 20
NOT_MEASURED = "A review needs figures. They are there once this portfolio has been measured."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def quarterly_reviews(request: HttpRequest, pk: int) -> HttpResponse:
    """Past reviews; a POST begins one, or goes on with the one that was begun."""
    portfolio = pages.visible_or_404(request, pk)
    if request.method == "POST":
        return _begin(request, portfolio)
    context = {
        "portfolio": portfolio,
        "run": portfolio_pages.current_run(),
        "reviews": selector.finished(portfolio)[:SHOWN],
        "unfinished": selector.unfinished(portfolio),
        "questions": selector.QUESTIONS,
    }
    return render(request, "analytics/quarterly_reviews.html", context)


def _begin(request: HttpRequest, portfolio: Portfolio) -> HttpResponse:
    run = portfolio_pages.current_run()
    reading = portfolio_pages.read(portfolio, run=run) if run else None
    if reading is None or reading.result.value <= 0:
        messages.error(request, NOT_MEASURED)
        return redirect("analytics:quarterly-reviews", portfolio.pk)
    review = services.begin(portfolio=portfolio, reading=reading)
    return redirect("analytics:review-question", portfolio.pk, review.pk, selector.KEYS[0])


def _of(portfolio: Portfolio, review_pk: int) -> QuarterlyReview:
    of_it = QuarterlyReview.objects.filter(portfolio=portfolio).select_related("portfolio")
    return get_object_or_404(of_it, pk=review_pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def review_question(request: HttpRequest, pk: int, review_pk: int, question: str) -> HttpResponse:
    portfolio = pages.visible_or_404(request, pk)
    review = _of(portfolio, review_pk)
    if question not in selector.KEYS:
        raise Http404
    if review.finished_at:
        return redirect("analytics:quarterly-review", portfolio.pk, review.pk)
    place = selector.KEYS.index(question)
    answer = selector.answers(review, before=selector.previous(review))[place]
    said = {"changes": "yes" if answer.changes else "", "note": answer.note}
    form = ConclusionForm(request.POST or None, initial=said)
    if request.method == "POST" and form.is_valid():
        services.answer(review=review, question=question, **form.cleaned_data)
        return _go_on(portfolio, review, place)
    context = {
        "portfolio": portfolio,
        "review": review,
        "answer": answer,
        "form": form,
        "number": place + 1,
        "questions": selector.QUESTIONS,
        "back": selector.KEYS[place - 1] if place else None,
        "is_last": place + 1 == len(selector.KEYS),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "analytics/review_question.html", context, status=status)


def _go_on(portfolio: Portfolio, review: QuarterlyReview, place: int) -> HttpResponse:
    """To the next question, or the first that was passed over; else the document."""
    if place + 1 < len(selector.KEYS):
        following = selector.KEYS[place + 1]
    elif services.finish(review=review, now=timezone.now()):
        return redirect("analytics:quarterly-review", portfolio.pk, review.pk)
    else:
        following = next(key for key in selector.KEYS if key not in review.conclusions)
    return redirect("analytics:review-question", portfolio.pk, review.pk, following)


@login_required
@require_safe
def quarterly_review(request: HttpRequest, pk: int, review_pk: int) -> HttpResponse:
    """The dated document, beside the one before."""
    portfolio = pages.visible_or_404(request, pk)
    review = _of(portfolio, review_pk)
    if review.finished_at is None:
        return redirect("analytics:review-question", pk, review.pk, selector.KEYS[0])
    before = selector.previous(review)
    context = {
        "portfolio": portfolio,
        "review": review,
        "previous": before,
        "answers": selector.answers(review, before=before),
    }
    return render(request, "analytics/quarterly_review.html", context)
