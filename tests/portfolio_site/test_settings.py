"""A production that is half configured says what to set, and does not start."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portfolio_site.environment import sibling

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COMPLETE = {
    "EVENKEEL_ENV": "production",
    "SECRET_KEY": "long-enough-to-be-a-secret-and-not-one-that-anybody-uses-0123456789",
    "FIELD_ENCRYPTION_KEYS": "bm90LWEta2V5LW9mLWFueWJvZHktanVzdC1hLWp1ZGc=",
    "DATABASE_URL": "postgresql://localhost/evenkeel",
    "REDIS_URL": "redis://localhost:6379/0",
    "ALLOWED_HOSTS": "evenkeel.example.org",
}
PLACE = ("PATH", "HOME", "LANG", "PYTHONPATH")


def start(environment: dict[str, str], then: str = "") -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name in PLACE}
    return subprocess.run(
        [sys.executable, "-c", f"import portfolio_site.settings; {then}"],
        cwd=REPOSITORY,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_complete_environment_starts():
    assert start(COMPLETE).returncode == 0


@pytest.mark.parametrize("name", sorted(COMPLETE.keys() - {"EVENKEEL_ENV"}))
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named_with_an_example(name, value):
    environment = {**COMPLETE, name: value or ""}
    if value is None:
        del environment[name]
    refused = start(environment)
    assert refused.returncode != 0
    assert f"{name} is not set. Set it in the environment, for example {name}=" in refused.stderr


def test_a_short_secret_is_refused():
    refused = start({**COMPLETE, "SECRET_KEY": "short"})
    assert refused.returncode != 0
    assert "SECRET_KEY is shorter than 50 characters" in refused.stderr


@pytest.mark.parametrize("keys", ["nonsense", f"{COMPLETE['FIELD_ENCRYPTION_KEYS']},c2hvcnQ="])
def test_an_encryption_key_that_is_none_is_refused(keys):
    refused = start({**COMPLETE, "FIELD_ENCRYPTION_KEYS": keys})
    assert refused.returncode != 0
    assert "FIELD_ENCRYPTION_KEYS holds something that is no key" in refused.stderr


def test_an_unknown_environment_is_refused():
    refused = start({**COMPLETE, "EVENKEEL_ENV": "staging"})
    assert "Set it to one of: production, development, test." in refused.stderr


def test_staff_need_a_second_step_in_production():
    shown = start(COMPLETE, then="print(portfolio_site.settings.STAFF_NEEDS_MFA)")
    assert shown.stdout == "True\n"


def test_the_readme_lists_every_variable_that_is_read():
    sources = [REPOSITORY / "portfolio_site" / name for name in ("settings.py", "gunicorn_conf.py")]
    read = {
        name
        for source in sources
        for name in re.findall(r"(?:env\.\w+|required|web_address|environ\.get)\(\s*\"(\w+)\"",
                               source.read_text())
    }  # fmt: skip
    readme = (REPOSITORY / "README.md").read_text()
    listed = {name for row in re.findall(r"^\| (`.*?`) \|", readme, re.MULTILINE)
              for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
    assert {"SECRET_KEY", "METRICS_TOKEN", "WEB_CONCURRENCY"} <= read
    assert read - listed == set()


def test_signals_are_looked_for_beside_the_prices(tmp_path):
    prices = tmp_path / "daily"
    prices.mkdir()
    assert sibling(str(prices), "signals") == ""
    (tmp_path / "signals").mkdir()
    assert sibling(f"{prices}/", "signals") == str(tmp_path / "signals")
    assert sibling("", "signals") == ""
