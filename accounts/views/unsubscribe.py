from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.services import unsubscribe as subscriptions
from accounts.views.links import for_whoever_holds_the_link


@csrf_exempt  # a mail programme posts here on its own (RFC 8058); the signature is the proof
@require_http_methods(["GET", "HEAD", "POST"])
@for_whoever_holds_the_link
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    subscription = subscriptions.find(token)
    if request.method == "POST":
        subscriptions.end(subscription)
    context = {"kind": subscription.kind, "done": request.method == "POST"}
    return render(request, "accounts/unsubscribe.html", context)
