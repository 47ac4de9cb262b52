from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.selectors import sessions
from accounts.services.sessions import end_others


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def session_list(request: HttpRequest) -> HttpResponse:
    """Where the reader is logged in; a POST ends all sessions but this one.

    Of allauth's own page this takes the place: that asks three questions a session.
    """
    assert request.user.is_authenticated
    here = request.session.session_key or ""
    if request.method == "POST":
        end_others(user=request.user, session_key=here)
        messages.success(request, "All other sessions are ended.")
        return redirect("accounts:session-list")
    context = {"sessions": sessions.open_of(request.user), "here": here}
    return render(request, "accounts/session_list.html", context)
