"""Where signed links of letters lead. None of these pages needs a login."""

from collections.abc import Callable
from functools import wraps

from csp.constants import NONE, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.services import actions, letters
from accounts.services.signed_links import ExpiredToken, InvalidToken

View = Callable[[HttpRequest, str], HttpResponse]
# What a letter needs: the styles in its elements. It loads nothing, and its links lead on.
LETTER_POLICY = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [NONE],
                 "base-uri": [NONE], "form-action": [NONE]}  # fmt: skip


def for_whoever_holds_the_link(view: View) -> View:
    """Answer 404 to a link that is none of ours, and 410 with a word to one that is too old."""

    @wraps(view)
    def respond(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except ExpiredToken:
            response = render(request, "accounts/link_expired.html", status=410)
        except InvalidToken as error:
            raise Http404 from error
        response["Referrer-Policy"] = "no-referrer"  # the address lets whoever reads it act
        response["Cache-Control"] = "no-store"
        return response

    return respond


@csrf_exempt  # the signature is the proof, and there may be no session
@require_http_methods(["GET", "HEAD", "POST"])
@for_whoever_holds_the_link
def action(request: HttpRequest, token: str) -> HttpResponse:
    item, found = actions.find(token)
    context: dict[str, object] = {"item": item, "action": found}
    if request.method == "POST":
        try:
            context["done"] = found.perform(item)
        except actions.ImpossibleAction as problem:
            context["problem"] = str(problem)
    return render(request, "accounts/action.html", context)


@csp(LETTER_POLICY)  # type: ignore[arg-type]
@require_safe
@for_whoever_holds_the_link
def letter(request: HttpRequest, token: str) -> HttpResponse:
    """What the letter says, as it was sent."""
    return HttpResponse(letters.find(token).html)
