"""Names that people know for what browsers call themselves."""

from django import template

register = template.Library()

# The first that fits: each browser also names those it wants to be taken for.
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "FxiOS/": "Firefox",
    "CriOS/": "Chrome", "Chrome/": "Chrome", "Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows",
    "Mac OS X": "macOS", "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip
SHOWN_OF_UNKNOWN = 40


@register.filter
def browser(user_agent: str) -> str:
    """ "Firefox on Linux"; of an unknown one, the beginning of what it says."""
    name = next((name for token, name in BROWSERS.items() if token in user_agent), None)
    system = next((name for token, name in SYSTEMS.items() if token in user_agent), None)
    if name and system:
        return f"{name} on {system}"
    return user_agent[:SHOWN_OF_UNKNOWN] or "Unknown browser"
