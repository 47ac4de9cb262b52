from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import PreferencesForm
from accounts.models import Theme, User
from accounts.selectors import addresses
from accounts.services import letters
from accounts.services.addresses import unblock


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    submitted = request.POST if request.method == "POST" else None
    form = PreferencesForm(submitted, instance=request.user)
    if form.is_valid():
        form.save()
        if not request.user.is_guest:
            letters.reschedule(user=request.user)
        messages.success(request, "Your settings are saved.")
        return redirect("accounts:settings")
    status = 422 if form.errors else 200
    context = {"form": form, "blocked": addresses.blocked(request.user.email)}
    return render(request, "accounts/settings.html", context, status=status)


@login_required
@require_POST
def write_again(request: HttpRequest) -> HttpResponse:
    """The reader says that their address works again."""
    assert request.user.is_authenticated
    if unblock(address=request.user.email):
        messages.success(request, f"Letters go to {request.user.email} again.")
    return redirect("accounts:settings")


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """The switch in the menu; back to the page that it was pressed on."""
    assert request.user.is_authenticated
    chosen = request.POST.get("theme")
    if chosen in Theme.values:
        User.objects.filter(pk=request.user.pk).update(theme=chosen)
    page = request.POST.get("next", "")
    if page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None):
        return redirect(page)
    return redirect("accounts:settings")
