"""Events are read from any bytes: whole, or refused with a reason, never anything else."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import InvalidRequest
from auricle.server.wyoming.wire import MAX_LINE_BYTES, Event, event_bytes, read_event


def read(content: bytes) -> list[Event]:
    async def events() -> list[Event]:
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        reader.feed_data(content)
        reader.feed_eof()
        found = []
        while (event := await read_event(reader)) is not None:
            found.append(event)
        return found

    return asyncio.run(events())


def test_data_may_stand_in_the_line_and_behind_it():
    line = b'{"type": "transcribe", "data": {"language": "en"}, "data_length": 17}\n'
    chunk = b'{"type": "audio-chunk", "payload_length": 4}\n'
    assert read(line + b'{"name": "small"}' + chunk + b"abcd") == [
        Event("transcribe", {"language": "en", "name": "small"}),
        Event("audio-chunk", {}, b"abcd"),
    ]


def test_what_is_written_can_be_read():
    written = event_bytes("pong", {"text": "hellö"})
    assert read(written * 2) == [Event("pong", {"text": "hellö"})] * 2


@settings(max_examples=150)
@given(at=st.integers(0, 200), put=st.binary(min_size=1, max_size=16))
def test_changed_bytes_are_read_or_refused(at, put):
    whole = event_bytes("audio-start", {"rate": 16000, "width": 2, "channels": 1}) * 2
    at %= len(whole)
    try:
        found = read(whole[:at] + put + whole[at + len(put) :])
    except InvalidRequest:
        return
    assert all(isinstance(event, Event) for event in found)
