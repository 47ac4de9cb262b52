from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import tasks
from accounts.forms import WebhookForm
from accounts.models import Webhook
from accounts.services import webhooks

MOST_SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)
def webhook_list(request: HttpRequest) -> HttpResponse:
    """A person's webhooks, and with POST a new one, whose secret is shown this once."""
    assert request.user.is_authenticated
    form = WebhookForm(request.POST if request.method == "POST" else None)
    made = secret = None
    if form.is_valid():
        try:
            made, secret = webhooks.create(user=request.user, **form.cleaned_data)
        except webhooks.UnusableAddress as refusal:
            form.add_error("url", str(refusal))
        except webhooks.WebhookRefused as refusal:
            form.add_error(None, str(refusal))
    context = {
        "form": form if form.errors else WebhookForm(),
        "made": made,
        "secret": secret,
        "webhooks": request.user.webhooks.all(),
    }
    return render(
        request, "accounts/webhook_list.html", context, status=422 if form.errors else 200
    )


@require_safe
@login_required
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """What it was told last, and how that ended."""
    found = _own(request, pk)
    deliveries = found.deliveries.select_related("notification")[:MOST_SHOWN]
    context = {"webhook": found, "deliveries": deliveries}
    return render(request, "accounts/webhook.html", context)


@require_POST
@login_required
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    found = _own(request, pk)
    if not ratelimit.consume(request, action="webhook_test", user=request.user):
        messages.error(request, "That was often enough. Please wait a minute.")
        return redirect("accounts:webhook", pk)
    try:
        webhooks.test(webhook=found)
    except webhooks.WebhookRefused as refusal:
        messages.error(request, str(refusal))
    else:
        transaction.on_commit(tasks.send_webhooks.delay, robust=True)
        messages.success(request, "The test leaves within a minute; its answer will stand below.")
    return redirect("accounts:webhook", pk)


@require_POST
@login_required
def webhook_switch(request: HttpRequest, pk: int, is_on: bool) -> HttpResponse:
    switch = webhooks.resume if is_on else webhooks.pause
    switch(webhook=_own(request, pk))
    words = "It is told again." if is_on else "Nothing is sent to it until you resume it."
    messages.success(request, words)
    return redirect("accounts:webhook", pk)


@require_POST
@login_required
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponse:
    webhooks.delete(webhook=_own(request, pk))
    messages.success(request, "The webhook is deleted. Its secret is worth nothing any more.")
    return redirect("accounts:webhook-list")


def _own(request: HttpRequest, pk: int) -> Webhook:
    return get_object_or_404(Webhook, pk=pk, user=request.user)
