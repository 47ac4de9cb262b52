from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.services import unsubscribe as subscriptions


@csrf_exempt  # a mail programme posts here on its own (RFC 8058); the signature is the proof
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        owner = subscriptions.owner(token)
    except subscriptions.InvalidToken as error:
        raise Http404 from error
    if request.method == "POST":
        subscriptions.stop_alerts(owner)
    return render(request, "accounts/unsubscribe.html", {"done": request.method == "POST"})
