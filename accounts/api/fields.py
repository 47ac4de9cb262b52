"""Fields that take exactly what the schema says, and no more.

DRF's own are lenient: a number where a text belongs, or a field that nobody knows. A typing error
in a script should be told, not guessed at.
"""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
FLAGS = {"true": True, "false": False}


class Fields(serializers.Serializer):
    """What is sent or answered. A field that is not named here is refused."""

    def to_internal_value(self, sent: Any) -> Any:
        if isinstance(sent, dict) and (unknown := sorted(set(sent) - set(self.fields))):
            message = f"There is no such field here. Known: {', '.join(self.fields)}."
            raise serializers.ValidationError({name: [message] for name in unknown})
        return super().to_internal_value(sent)


class Query(Fields):
    """The part of an address after the question mark."""

    GENERAL = ("cursor", "page_size", "format")

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """What was asked for. Raises ValidationError."""
        sent: dict[str, Any] = {}
        fields = cls().fields
        for name, values in request.query_params.lists():
            if name in fields or name not in cls.GENERAL:
                many = isinstance(fields.get(name), serializers.ListField)
                sent[name] = values if many else values[-1]
        query = cls(data=sent)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        return asked


class Text(serializers.CharField):
    """A line of text."""

    pattern = re.compile(PRINTABLE)
    default_error_messages = {
        "invalid": "This must be a text.",
        "unprintable": "This has a character that cannot be printed.",
    }

    def to_internal_value(self, sent: Any) -> str:
        if not isinstance(sent, str):
            self.fail("invalid")
        if not self.pattern.match(sent):
            self.fail("unprintable")
        return str(super().to_internal_value(sent))


class Paragraphs(Text):
    """Text of many lines."""

    pattern = re.compile(r"^[^\x00-\x09\x0b-\x1f\x7f]*$")


class Whole(serializers.IntegerField):
    def to_internal_value(self, sent: Any) -> int:
        if not isinstance(sent, int) or isinstance(sent, bool):
            self.fail("invalid")
        return sent


class Flag(serializers.BooleanField):
    """True or false; in an address the two words."""

    def to_internal_value(self, sent: Any) -> bool:
        if isinstance(sent, bool):
            return sent
        if not isinstance(sent, str) or sent not in FLAGS:
            self.fail("invalid", input=sent)
        return FLAGS[sent]


class Exact(serializers.Field):
    """An exact decimal, as a text: JSON's numbers are binary fractions in most programs."""

    default_error_messages = {
        "invalid": "This must be a decimal number in quotes, such as “0.25”, "
        "with {whole} digits before the point and {decimals} after it at most."
    }

    def __init__(self, *, whole: int = 20, decimals: int = 18, **options: Any) -> None:
        super().__init__(**options)
        self.whole, self.decimals = whole, decimals
        self.pattern = rf"^[0-9]{{1,{whole}}}(\.[0-9]{{1,{decimals}}})?$"

    def to_internal_value(self, sent: Any) -> Decimal:
        if not isinstance(sent, str) or not re.fullmatch(self.pattern, sent, re.ASCII):
            self.fail("invalid", whole=self.whole, decimals=self.decimals)
        return Decimal(sent)

    def to_representation(self, value: Decimal) -> str:
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class Fraction(Exact):
    """A part of a whole: “0.05” is 5 %."""

    def __init__(self, **options: Any) -> None:
        super().__init__(whole=1, decimals=9, **options)


class Measured(serializers.FloatField):
    """A measured figure, a binary fraction; null where nothing was measured."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_null": True, "read_only": True, **options})

    def to_representation(self, value: Any) -> float | None:
        return float(value) if value is not None and math.isfinite(value) else None


class Moment(serializers.DateTimeField):
    """A moment with its offset from UTC; always told in UTC."""

    RFC_3339 = re.compile(
        r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$", re.ASCII
    )
    default_error_messages = {
        "invalid": "This must be a moment with its offset, such as 2025-01-31T09:30:00Z.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, sent: Any) -> datetime:
        if not isinstance(sent, str) or not self.RFC_3339.match(sent):
            self.fail("invalid", format="")
        moment: datetime = super().to_internal_value(sent)
        return moment


class Day(serializers.DateField):
    def to_internal_value(self, sent: Any) -> Any:
        if not isinstance(sent, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", sent, re.ASCII):
            self.fail("invalid", format="YYYY-MM-DD")
        return super().to_internal_value(sent)


def day_or_404(text: str) -> date:
    """A day out of an address."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound("An address names a day as 2025-01-31.") from None
