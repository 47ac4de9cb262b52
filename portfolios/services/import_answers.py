"""What a person has said about a file that it does not say itself."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from accounts.models import User
from portfolios.importers.files import Options
from portfolios.models import ColumnMapping, Import

OPENING, LEAVE_OUT = "opening", "leave_out"
"""What to do about rows that take more than is there."""


def options(import_run: Import, *, latest: datetime) -> Options:
    """The answers as the importers take them."""
    answers = import_run.answers
    return Options(
        latest=latest,
        most_rows=settings.IMPORT_MAX_ROWS,
        time_zone=time_zone(answers.get("time_zone", "UTC")),
        day_first=answers.get("day_first"),
        decimal_comma=answers.get("decimal_comma"),
        format=answers.get("format", ""),
        columns=answers.get("columns", {}),
    )


def time_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def remembered_columns(owner: User, titles: tuple[str, ...]) -> dict[str, str]:
    """What the columns under this header meant the last time."""
    row = ColumnMapping.objects.filter(owner=owner, header=_key(titles)).first()
    return dict(row.columns) if row else {}


def remember_columns(owner: User, titles: tuple[str, ...], columns: Mapping[str, Any]) -> None:
    """Keep what the columns under a header mean, for the next file with the same. Idempotent."""
    ColumnMapping.objects.update_or_create(
        owner=owner, header=_key(titles), defaults={"columns": dict(columns)}
    )


def _key(titles: tuple[str, ...]) -> str:
    return sha256("\x1f".join(title.casefold() for title in titles).encode()).hexdigest()
