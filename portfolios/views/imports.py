"""From a file to the ledger: choose it, answer what it does not say, look, confirm, undo."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from portfolios import tasks
from portfolios.forms.imports import (
    ConfirmForm,
    QuestionsForm,
    ShortfallsForm,
    TickersForm,
    TimeZoneForm,
    UploadForm,
)
from portfolios.models import Import, ImportRow, Portfolio
from portfolios.selectors import assets, imports, prices
from portfolios.services import import_previews, tickers
from portfolios.services import imports as services
from portfolios.services.errors import ConflictError, PortfolioError
from portfolios.services.tickers import Meaning
from portfolios.views import HtmxRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Earlier imports, and with POST another file."""
    portfolio = get_object_or_404(Portfolio.objects.visible_to(request.user), pk=pk)
    is_post = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if is_post else UploadForm()
    if is_post and not request.FILES and _length(request) > services.most_bytes():
        form.errors["file"] = form.error_class([services.too_large()])  # it was not even read
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            import_run = services.upload(
                portfolio=portfolio, file_name=file.name, content=file.read(), now=timezone.now()
            )
        except PortfolioError as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("portfolios:import", pk, import_run.pk)
    listed = imports.page(portfolio, request.GET.get("page", ""))
    context = {
        "portfolio": portfolio,
        "form": form,
        "imports": listed,
        "rows": [(each, services.format_name(each)) for each in listed],
        "formats": services.format_names(),
    }
    status = 422 if form.errors else 200
    return render(request, "portfolios/import_list.html", context, status=status)


@login_required
@require_safe
def import_run(request: HttpRequest, pk: int, import_pk: int) -> HttpResponse:
    """Its questions, its preview, its progress, or what came of it."""
    return _page(request, _import(request, pk, import_pk))


@login_required
@require_POST
def import_answers(request: HttpRequest, pk: int, import_pk: int) -> HttpResponse:
    """What the file does not say: whose it is, its columns, its dates, its clock, the way out."""
    run = _import(request, pk, import_pk)
    form: Any
    if "shortfalls" in request.POST or "decide" in request.POST:
        form, name = ShortfallsForm(request.POST), "shortfalls_form"
    elif "time_zone" in request.POST:
        form, name = TimeZoneForm(request.POST), "time_zone_form"
    else:
        form, name = _questions_form(run, request.POST), "questions_form"
    if not form.is_valid():
        return _page(request, run, status=422, **{name: form})
    answers = form.answers if isinstance(form, QuestionsForm) else form.cleaned_data
    return _answered(request, run, **answers)


@login_required
@require_POST
def import_tickers(request: HttpRequest, pk: int, import_pk: int) -> HttpResponse:
    """What tickers mean, or which of them to ask about again."""
    run = _import(request, pk, import_pk)
    if again := request.POST.get("again"):
        asked = {*run.answers.get("asked", ()), *({again} & run.tickers.keys())}
        return _answered(request, run, asked=sorted(asked))
    form = _tickers_form(request, import_previews.tickers_of(run).values(), request.POST)
    if not form.is_valid():
        return _page(request, run, status=422, tickers_form=form)
    chosen = form.chosen
    if "rest" in request.POST:
        for meaning in form.meanings:
            chosen.setdefault(meaning.ticker, None)
    tickers.choose(owner=run.portfolio.owner, chosen=chosen)
    asked = {*run.answers.get("asked", ())} - chosen.keys()
    return _answered(request, run, asked=sorted(asked))


@login_required
@require_POST
def import_confirm(request: HttpRequest, pk: int, import_pk: int) -> HttpResponse:
    run = _import(request, pk, import_pk)
    form = ConfirmForm(request.POST)
    form.is_valid()  # whatever is sent, the box is ticked or it is not
    try:
        services.confirm(import_run=run, now=timezone.now(), **form.cleaned_data)
    except ConflictError as refusal:
        messages.error(request, str(refusal))
        return redirect("portfolios:import", pk, import_pk)
    except PortfolioError as refusal:
        return _page(request, run, status=422, refused=str(refusal))
    tasks.carry_out_import.delay_on_commit(run.pk)
    return redirect("portfolios:import", pk, import_pk)


@login_required
@require_safe
def import_progress(request: HtmxRequest, pk: int, import_pk: int) -> HttpResponse:
    run = _import(request, pk, import_pk)
    if run.state != Import.State.IMPORTING and request.htmx:
        return HttpResponseClientRefresh()
    return render(request, "portfolios/_import_progress.html", {"import_run": run})


@login_required
@require_POST
def import_undo(request: HttpRequest, pk: int, import_pk: int) -> HttpResponse:
    run = _import(request, pk, import_pk)
    try:
        removed = services.undo(import_run=run)
    except PortfolioError as refusal:
        messages.error(request, f"It could not be undone. {refusal}")
    else:
        messages.success(request, f"{removed:,} transactions of “{run.file_name}” are taken out.")
    return redirect("portfolios:import", pk, import_pk)


@login_required
@require_POST
def import_discard(request: HttpRequest, pk: int, import_pk: int) -> HttpResponse:
    run = _import(request, pk, import_pk)
    services.discard(import_run=run)
    messages.success(request, f"“{run.file_name}” is discarded. Nothing was imported.")
    return redirect("portfolios:import-list", pk)


def _length(request: HttpRequest) -> int:
    """Of what was sent, in bytes."""
    length = request.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _import(request: HttpRequest, pk: int, import_pk: int) -> Import:
    visible = Import.objects.visible_to(request.user)
    runs = visible.select_related("portfolio__owner")
    return get_object_or_404(runs, pk=import_pk, portfolio_id=pk)


def _answered(request: HttpRequest, run: Import, **answers: Any) -> HttpResponse:
    """Look at the file again in the light of answers."""
    try:
        services.answer(import_run=run, now=timezone.now(), **answers)
    except PortfolioError as refusal:
        messages.error(request, str(refusal))
    return redirect("portfolios:import", run.portfolio_id, run.pk)


def _page(request: HttpRequest, run: Import, *, status: int = 200, **state: Any) -> HttpResponse:
    """The page of an import as far as it has come, in a state: an invalid form, a refusal."""
    run = services.refresh(import_run=run, now=timezone.now())
    context: dict[str, Any] = {
        "portfolio": run.portfolio,
        "import_run": run,
        "format_name": services.format_name(run),
    }
    if run.state == Import.State.ASKING:
        context["questions_form"] = _questions_form(run)
    elif run.state == Import.State.PREVIEWED:
        context |= _preview(request, run)
    if run.state != Import.State.ASKING:
        fate, counts = request.GET.get("fate", ""), imports.counts(run)
        context |= {
            "counts": counts,
            "short": dict(counts).get(ImportRow.Fate.SHORT, 0),
            "fate": fate,
            "rows": imports.rows(run, fate=fate, page=request.GET.get("page", "")),
        }
    template = f"portfolios/import_{run.state}.html"
    return render(request, template, {**context, **state}, status=status)


def _preview(request: HttpRequest, run: Import) -> dict[str, Any]:
    meanings = import_previews.tickers_of(run).values()
    return {
        "settled": [meaning for meaning in meanings if meaning.is_settled],
        "tickers_form": _tickers_form(request, meanings),
        "shortfalls_form": ShortfallsForm(),
        "time_zone_form": TimeZoneForm(initial={"time_zone": run.answers.get("time_zone", "UTC")}),
        "has_local_times": services.has_local_times(run),
    }


def _questions_form(run: Import, submitted: Any = None) -> QuestionsForm:
    asked, titles = services.questions(run)
    columns = run.answers.get("columns", {})
    return QuestionsForm(submitted, asked=asked, titles=titles, columns=columns)


def _tickers_form(
    request: HttpRequest, meanings: Iterable[Meaning], submitted: Any = None
) -> TickersForm:
    unsettled = [meaning for meaning in meanings if not meaning.is_settled]
    candidates = [asset for meaning in unsettled for asset in meaning.candidates]
    as_of = prices.last_complete_day() if candidates else None
    return TickersForm(
        submitted,
        meanings=unsettled,
        offered=assets.offered(request.user) if unsettled else (),
        closes=prices.closes_for(candidates, as_of=as_of) if as_of else {},
    )
