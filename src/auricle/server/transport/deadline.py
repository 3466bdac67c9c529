"""When a request must be answered, by its own wish or the server's.

Knows nothing about what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from auricle.errors import DeadlineExceeded, InvalidRequest

HEADER = "X-Auricle-Deadline"
MAX_S = 7 * 86400


@dataclass(frozen=True, slots=True)
class Deadline:
    """``after_s`` from the request's beginning, which is ``at_s`` on the event loop's clock; None
    for a request that may take as long as it takes."""

    after_s: float | None
    at_s: float | None

    @classmethod
    def of(cls, request: Request, server_s: float) -> Deadline:
        """The sooner of what the header asks for and what the server allows, 0 being no limit.

        Raises:
            InvalidRequest: the header is no number of seconds.
        """
        allowed = [server_s] if server_s else []
        wish = request.headers.get(HEADER)
        if wish is not None:
            if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,9})?", wish) or not 0 < float(wish) <= MAX_S:
                raise InvalidRequest(
                    f"{HEADER} is {wish[:100]!r}; it must be a number of seconds, above 0 and at "
                    f"most {MAX_S}.",
                    param=HEADER,
                    code="invalid_value",
                )
            allowed.append(float(wish))
        if not allowed:
            return cls(None, None)
        return cls(min(allowed), asyncio.get_running_loop().time() + min(allowed))

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Cancel what runs inside when the time has come.

        Raises:
            DeadlineExceeded: it had.
        """
        limit = asyncio.timeout_at(self.at_s)
        try:
            async with limit:
                yield
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise DeadlineExceeded(
                f"The request was not answered within {self.after_s:g} seconds.",
                code="deadline_exceeded",
            ) from exc
