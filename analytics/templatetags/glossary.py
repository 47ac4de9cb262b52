"""A figure's explanation, beside the figure: `{% explain "drift" %}`."""

import secrets
from functools import cache
from zlib import crc32

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from analytics.selectors import glossary

register = template.Library()


ID = "explained-id"


@register.simple_tag(takes_context=True)
def explain(context: Context, name: str, label: str = "") -> str:
    """A button that opens what glossary.toml says of `name`, and shows a label if it has one."""
    return SafeString(_explanation(name, label).replace(ID, f"explained-{_number(context)}"))


@cache
def _explanation(name: str, label: str) -> str:
    """The same for everybody but for its id: a page has a dozen."""
    term = glossary.find(name)
    context = {"term": term, "label": label, "id": ID}
    return render_to_string("analytics/_explanation.html", context)


@register.inclusion_tag("analytics/_explanations.html", takes_context=True)
def explain_all(context: Context, *names: str) -> dict[str, object]:
    """A line of several, for below a table whose head is not seen on a phone."""
    return {"terms": [glossary.find(name) for name in names], "request": context.get("request")}


def _number(context: Context) -> str:
    """Another one for each explanation on a page, and for each address that a part came from."""
    request = context.get("request")
    if request is None:
        return secrets.token_hex(4)
    request.explained = getattr(request, "explained", 0) + 1
    return f"{crc32(request.path.encode()):08x}-{request.explained}"
