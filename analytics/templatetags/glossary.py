"""A figure's explanation, beside the figure: `{% explain "drift" %}`."""

import secrets
from zlib import crc32

from django import template
from django.template import Context

from analytics.selectors import glossary

register = template.Library()


@register.inclusion_tag("analytics/_explanation.html", takes_context=True)
def explain(context: Context, name: str, label: str = "") -> dict[str, object]:
    """A button that opens what glossary.toml says of `name`, and shows a label if it has one."""
    return {"term": glossary.find(name), "label": label, "id": f"explained-{_number(context)}"}


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
