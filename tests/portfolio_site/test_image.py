"""The image brings every file of the front-end packages that a page loads."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def test_every_vendored_file_a_template_names_is_copied_into_the_image():
    templates = "".join(path.read_text() for path in (REPOSITORY / "templates").rglob("*.html"))
    named = set(re.findall(r"static ['\"]vendor/\w+/([\w.-]+)['\"]", templates))
    assert {"tabler.min.css", "tabler.min.js"} <= named
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert [name for name in sorted(named) if name not in dockerfile] == []
