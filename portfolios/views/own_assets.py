"""What a person adds to the catalogue for themselves: nobody else can open any of it."""

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portfolios.forms import NewOwnAssetForm, OwnAssetForm, OwnPriceForm
from portfolios.models import Asset, Portfolio
from portfolios.selectors import own_assets, prices
from portfolios.services import own_assets as services
from portfolios.services.errors import ConflictError, PortfolioError

# Where an asset is added from, and so wanted next.
BACK = ("holdings", "targets")


@login_required
@require_safe
def own_asset_list(request: HttpRequest) -> HttpResponse:
    as_of = _last_day()
    context = {"rows": own_assets.read(request.user, as_of=as_of), "as_of": as_of}
    return render(request, "portfolios/own_asset_list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_asset_create(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    as_of = _last_day()
    is_post = request.method == "POST"
    form = NewOwnAssetForm(
        request.POST if is_post else None,
        initial={
            "priced_on": as_of,
            "portfolio": request.GET.get("portfolio"),
            "back": request.GET.get("back"),
        },
    )
    if form.is_valid():
        typed = dict(form.cleaned_data)
        portfolio, back = typed.pop("portfolio"), typed.pop("back")
        try:
            asset = services.create(owner=request.user, today=as_of, **typed)
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{asset.symbol} is added. Only you can see it.")
            return redirect(_next(request, asset, portfolio, back))
    status = 422 if form.errors else 200
    return render(request, "portfolios/own_asset_create.html", {"form": form}, status=status)


def _next(request: HttpRequest, asset: Asset, portfolio_id: int | None, back: str) -> str:
    """The form that the asset was wanted for, with it chosen; else the asset itself."""
    portfolio = Portfolio.objects.visible_to(request.user).filter(pk=portfolio_id or 0).first()
    if portfolio is None or back not in BACK:
        return reverse("portfolios:own-asset", args=[asset.pk])
    return f"{reverse(f'portfolios:{back}', args=[portfolio.pk])}?add={asset.pk}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_asset(request: HttpRequest, pk: int) -> HttpResponse:
    """Its prices and what it is called; with POST, what it is called from now on."""
    asset = _owned_or_404(request, pk)
    initial = {"name": asset.name, "symbol": asset.symbol, "category": asset.category}
    form = OwnAssetForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            services.update(asset=asset, **form.cleaned_data)
        except ConflictError as refusal:
            return _gone(request, refusal)
        messages.success(request, "Saved.")
        return redirect("portfolios:own-asset", pk)
    return _page(request, asset, form=form)


@login_required
@require_POST
def own_price(request: HttpRequest, pk: int) -> HttpResponse:
    asset = _owned_or_404(request, pk)
    form = OwnPriceForm(request.POST)
    if form.is_valid():
        try:
            services.set_price(asset=asset, today=_last_day(), **form.cleaned_data)
        except ConflictError as refusal:
            return _gone(request, refusal)
        except PortfolioError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, "The price is saved. What holds the asset is calculated again."
            )
            return redirect("portfolios:own-asset", pk)
    return _page(request, asset, price_form=form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_asset_remove(request: HttpRequest, pk: int) -> HttpResponse:
    asset = _owned_or_404(request, pk)
    refused = ""
    if request.method == "POST":
        try:
            services.remove(asset=asset)
        except ConflictError as refusal:
            return _gone(request, refusal)
        except PortfolioError as refusal:
            refused = str(refusal)
        else:
            messages.success(request, f"{asset.symbol} is removed.")
            return redirect("portfolios:own-asset-list")
    context = {
        "asset": asset,
        "refused": refused,
        "portfolios": own_assets.portfolios_with(asset),
    }
    status = 409 if refused else 200
    return render(request, "portfolios/own_asset_remove.html", context, status=status)


def _owned_or_404(request: HttpRequest, pk: int) -> Asset:
    owned = Asset.of_anybody.owned_by(request.user).select_related("category")
    return get_object_or_404(owned, pk=pk)


def _gone(request: HttpRequest, refusal: ConflictError) -> HttpResponse:
    messages.error(request, str(refusal))
    return redirect("portfolios:own-asset-list")


def _page(request: HttpRequest, asset: Asset, **forms: Any) -> HttpResponse:
    as_of = _last_day()
    context = {
        "asset": asset,
        "prices": asset.own_prices.order_by("-date"),
        "portfolios": own_assets.portfolios_with(asset),
        "form": OwnAssetForm(
            initial={"name": asset.name, "symbol": asset.symbol, "category": asset.category}
        ),
        "price_form": OwnPriceForm(initial={"priced_on": as_of}),
        **forms,
    }
    status = 422 if any(form.errors for form in forms.values()) else 200
    return render(request, "portfolios/own_asset.html", context, status=status)


def _last_day() -> date:
    """The last day whose close there can be a price of."""
    yesterday: date = timezone.now().date() - timedelta(days=1)
    return prices.last_complete_day() or yesterday
