"""A file as an answer, whole or the ranges of it that are asked for.

Knows nothing about what is in it.
"""

from __future__ import annotations

from starlette.responses import FileResponse, MalformedRangeHeader


class File(FileResponse):
    """A ``Range`` that is none is as good as no ``Range`` (RFC 9110, 14.2); Starlette answers it
    400, in plain text."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []
