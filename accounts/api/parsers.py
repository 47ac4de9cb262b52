"""What is sent, read within bounds."""

from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from accounts.api.problems import TooLarge

MOST_BYTES = 2_000_000


class JSON(JSONParser):
    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        length = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        if int(length) > MOST_BYTES:
            raise TooLarge(f"Send at most {MOST_BYTES:,} bytes at once.")
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - it is nested too deeply.") from None
