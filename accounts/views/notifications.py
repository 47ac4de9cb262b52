from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from accounts.selectors import notifications as selector
from accounts.services import notifications


@login_required
@require_safe
def notification_list(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    page = selector.page(request.user, number=request.GET.get("page"))
    page.object_list = notifications.with_words(page.object_list)
    return render(request, "accounts/notification_list.html", {"page": page})


@login_required
@require_POST
def notification(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark an item read; and go where it leads, unless its reader stays on a page of the list."""
    assert request.user.is_authenticated
    found = get_object_or_404(selector.of(request.user), pk=pk)
    notifications.mark_read(notification=found)
    if found.link and "stay" not in request.POST:
        return redirect(found.link)
    return redirect(f"{reverse('accounts:notification-list')}?{urlencode(_place(request))}")


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    if count := notifications.mark_all_read(user=request.user):
        messages.success(request, "One is read." if count == 1 else f"All {count} are read.")
    return redirect("accounts:notification-list")


def _place(request: HttpRequest) -> dict[str, str]:
    return {"page": request.POST.get("stay") or "1"}
