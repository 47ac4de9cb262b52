from datetime import timedelta

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import TokenForm
from accounts.models import ApiToken
from accounts.services import tokens


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required(allow_get=True)
def token_list(request: HttpRequest) -> HttpResponse:
    """A person's tokens, and with POST a new one, whose text is shown this once."""
    assert request.user.is_authenticated
    form = TokenForm(request.POST if request.method == "POST" else None)
    made = secret = None
    if form.is_valid():
        asked = dict(form.cleaned_data)
        lifetime = timedelta(days=asked.pop("days"))
        try:
            made, secret = tokens.create(
                user=request.user, lifetime=lifetime, now=timezone.now(), **asked
            )
        except tokens.TooManyTokens as refusal:
            form.add_error(None, str(refusal))
    context = {
        "form": form if form.errors else TokenForm(),
        "made": made,
        "secret": secret,
        "tokens": ApiToken.objects.filter(user=request.user),
        "now": timezone.now(),
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/token_list.html", context, status=status)


@require_POST
@login_required
def token_revoke(request: HttpRequest, token_key: str) -> HttpResponse:
    assert request.user.is_authenticated
    if tokens.revoke(user=request.user, token_key=token_key):
        messages.success(request, "The token is revoked. Nothing can use it any more.")
    return redirect("accounts:token-list")
