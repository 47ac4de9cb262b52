"""What is sent, read within bounds."""

from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

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


class OneFile(MultiPartParser):
    """A form with a file, as `curl -F file=@name` sends it."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        length = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        if int(length) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        return super().parse(stream, media_type, parser_context)
