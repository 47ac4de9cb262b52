"""Calculations apart from any portfolio, and what the figures mean."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.selectors import glossary as terms

# The address of each tool, its title, and what it does.
TOOLS = (
    (
        "analytics:glossary",
        "Figures explained",
        "What each number means, how it is calculated, and who says so.",
    ),
)


@login_required
@require_safe
def tools(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/tools.html", {"tools": TOOLS})


@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "analytics/glossary.html", {"groups": terms.groups()})
