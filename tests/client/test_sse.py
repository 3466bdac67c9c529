"""Events come out whole however a stream is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.client.sse import EventReader


def read(*pieces: bytes) -> list[bytes]:
    reader = EventReader()
    return [data for piece in pieces for data in reader.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [b"a", b"b", b"c"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": keep-alive\n\ndata: a\n\n", [b"a"]),
        (b"event: message\nid: 7\ndata: a\nretry: 5\n\n", [b"a"]),
        (b"data\n\n", [b""]),
        (b"data: {}\n\n\n\n", [b"{}"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"", []),
    ],
)
def test_one_piece(stream, expected):
    assert read(stream) == expected


LINES = st.sampled_from(
    [b"data: one", b"data: \xc3\xa9\xe6\x9d\xb1", b"data:", b": comment", b"event: x", b"", b""]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]))).map(
    lambda lines: b"".join(itertools.chain.from_iterable(lines))
)


@given(STREAMS | st.binary(), st.lists(st.integers(0, 200)))
def test_the_cuts_change_nothing(stream, cuts):
    ends = sorted({*cuts, len(stream)})
    pieces = [stream[start:end] for start, end in itertools.pairwise([0, *ends])]
    assert read(*pieces) == read(stream)


@given(st.lists(st.binary().filter(lambda data: not {10, 13} & {*data}), max_size=5))
def test_what_was_written_is_read(events):
    stream = b"".join(b"data: " + data + b"\n\n" for data in events)
    assert read(*(bytes([byte]) for byte in stream)) == events
