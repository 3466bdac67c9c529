"""Where the time of a request goes, for whoever collects traces: spans within spans.

Knows nothing about who collects them. What a span is told are numbers and words of Auricle's own:
never what was said, the name of a file, or a key. For the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Literal, Protocol, TypeAlias

Attribute: TypeAlias = str | int | float
Kind: TypeAlias = Literal["server", "client", "consumer"]


class Span(Protocol):
    """Something that takes time. One that was never begun stands for the tracer: it has no spans
    within, and what is not done for anybody leaves no trace."""

    def begin(self, name: str, **attributes: Attribute) -> Span:
        """A span within this one, from now on."""
        ...

    def begin_from(
        self, name: str, kind: Kind, headers: Mapping[str, str], **attributes: Attribute
    ) -> Span:
        """A span, from now on, in the trace that somebody's headers name as the W3C has it
        (``traceparent``, ``tracestate``), or in a new one."""
        ...

    def past(self, name: str, took_s: float, **attributes: Attribute) -> None:
        """A span within this one that ends now."""
        ...

    def note(self, **attributes: Attribute) -> None:
        """What is known of it by now."""
        ...

    def rename(self, name: str) -> None: ...

    def fail(self, error: str) -> None:
        """It goes wrong, with an error of that class."""
        ...

    def end(self) -> None: ...

    @property
    def headers(self) -> dict[str, str]:
        """What tells somebody else which trace this is."""
        ...


class NullSpan:
    """A `Span` that nobody sees."""

    def begin(self, name: str, **attributes: Attribute) -> NullSpan:
        return self

    def begin_from(
        self, name: str, kind: Kind, headers: Mapping[str, str], **attributes: Attribute
    ) -> NullSpan:
        return self

    def past(self, name: str, took_s: float, **attributes: Attribute) -> None:
        pass

    def note(self, **attributes: Attribute) -> None:
        pass

    def rename(self, name: str) -> None:
        pass

    def fail(self, error: str) -> None:
        pass

    def end(self) -> None:
        pass

    @property
    def headers(self) -> dict[str, str]:
        return {}


NULL_SPAN = NullSpan()

_current: ContextVar[Span] = ContextVar("span", default=NULL_SPAN)


def current() -> Span:
    """The span that work is done in here; tasks and threads started for it have it, too."""
    return _current.get()


@contextlib.contextmanager
def within(span: Span) -> Iterator[Span]:
    """Work inside is done in a span, which ends with it. Not around a ``yield`` of an iterator."""
    token = _current.set(span)
    try:
        yield span
    except asyncio.CancelledError:
        span.note(cancelled=1)
        raise
    except BaseException as exc:
        span.fail(type(exc).__name__)
        raise
    finally:
        _current.reset(token)
        span.end()


def spanning(name: str, **attributes: Attribute) -> contextlib.AbstractContextManager[Span]:
    """Work inside is done in a new span within the current one; see `within`."""
    return within(current().begin(name, **attributes))
