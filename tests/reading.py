"""What a reader sees of a page before opening anything."""

import re

EXPLANATION = re.compile(
    r'<button class="explain.*?</button>\s*<span id="explained.*?</a>\s*</span>', re.DOTALL
)


def unexplained(html: str) -> str:
    """The page without the explanations of its figures, which are closed at first."""
    return EXPLANATION.sub("", html)
