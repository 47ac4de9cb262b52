"""What e-mails say: text and HTML from templates, styles inlined, nothing loaded from outside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string

# Mail readers drop style sheets; the dark theme can only be a media query, so that one stays.
_inliner = css_inline.CSSInliner(
    keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False
)


@dataclass(frozen=True)
class Rendered:
    """A message without its recipient."""

    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text; where it is a link, `words` is what the button says."""

    words: str
    url: str = ""


def render(
    template: str,
    *,
    subject: str,
    context: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Rendered:
    """Render `emails/letter` from `emails/letter.txt` and `.html`."""
    scope = {"site_url": settings.SITE_URL, "subject": subject, **context}
    return Rendered(
        subject=" ".join(subject.split()),
        text=render_to_string(f"{template}.txt", scope).strip() + "\n",
        html=inline(render_to_string(f"{template}.html", scope)),
        headers=headers or {},
    )


def inline(html: str) -> str:
    """Move the styles of a whole page into its elements."""
    return _inliner.inline(html)


def account(prefix: str, *, context: Mapping[str, Any]) -> Rendered:
    """What allauth has to say, for example `account/email/password_reset_key`."""
    scope = {"site_url": settings.SITE_URL, **context}
    subject = render_to_string(f"{prefix}_subject.txt", scope)
    words = render_to_string(f"{prefix}_message.txt", scope).strip()
    return render(
        "emails/account",
        subject=subject,
        context={"words": words, "paragraphs": paragraphs(words)},
    )


def paragraphs(text: str) -> list[Paragraph]:
    """Split at empty lines; "Label:" above a line with an address makes a link."""
    found = []
    for block in text.split("\n\n"):
        label, _, last = block.strip().rpartition("\n")
        if last.startswith(("https://", "http://")):
            found.append(Paragraph(label.rstrip(":") or "Open", url=last))
        elif block.strip():
            found.append(Paragraph(block.strip()))
    return found
