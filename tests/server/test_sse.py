"""A silent stream stays open, and starts late enough that early errors keep their status."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from auricle.server.sse import EventStream, GrowingText, TextDelta


@given(st.lists(st.text(alphabet=st.sampled_from(" \n\tab。"), max_size=6), max_size=8))
def test_deltas_join_to_the_stripped_text(pieces: list[str]) -> None:
    growing = GrowingText()
    deltas = [growing.append(piece) for piece in pieces]
    assert "".join(deltas) == growing.text == "".join(pieces).strip()


async def test_comments_keep_a_silent_stream_open_and_begin_it() -> None:
    sent: asyncio.Queue[Message] = asyncio.Queue()
    events = EventStream(sent.put)
    async with events.kept_alive(interval_s=0):
        messages = [await sent.get() for _ in range(3)]
    comment = {"type": "http.response.body", "body": b": keep-alive\n\n", "more_body": True}
    assert [message["type"] for message in messages[:1]] == ["http.response.start"]
    assert messages[1:] == [comment, comment]
    assert events.is_started


async def test_an_event_is_one_line_and_the_first_one_starts_the_response() -> None:
    sent: asyncio.Queue[Message] = asyncio.Queue()
    events = EventStream(sent.put)
    assert not events.is_started
    await events.event(TextDelta("a\nb"))
    start, body = await sent.get(), await sent.get()
    assert (start["status"], dict(start["headers"])[b"cache-control"]) == (200, b"no-cache")
    assert body["body"] == b'data: {"type":"transcript.text.delta","delta":"a\\nb"}\n\n'
