from tempfile import SpooledTemporaryFile

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.forms import DeleteAccountForm
from accounts.services import erasure, exports

# Above this an export waits on disk, not in memory.
IN_MEMORY_BYTES = 5_000_000


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def export(request: HttpRequest) -> HttpResponseBase:
    assert request.user.is_authenticated
    if request.method != "POST":
        return render(request, "accounts/export.html")
    archive = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  (sent, then closed)
    exports.write(user=request.user, to=archive)
    archive.seek(0)
    return FileResponse(archive, as_attachment=True, filename="evenkeel-account.zip")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required
def delete(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    submitted = request.POST if request.method == "POST" else None
    form = DeleteAccountForm(submitted, user=request.user)
    if form.is_valid():
        erasure.erase(user=request.user)
        logout(request)
        messages.success(request, "Your account is deleted, with all that was in it.")
        return redirect("account_login")
    status = 422 if form.errors else 200
    return render(request, "accounts/delete.html", {"form": form}, status=status)
