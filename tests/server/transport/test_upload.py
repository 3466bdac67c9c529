"""How much text a request may hold: little, but for recordings of known voices."""

from __future__ import annotations

import pytest

from auricle.errors import InvalidRequest
from auricle.server.transport.upload import MAX_FIELD_BYTES, MAX_LARGE_FIELDS_BYTES, FieldRoom


def refused(room: FieldRoom, name: str, n_bytes: int) -> str:
    with pytest.raises(InvalidRequest) as caught:
        room.take(name, n_bytes)
    assert (caught.value.param, caught.value.code) == (name, "string_above_max_length")
    return caught.value.message


def test_a_field_is_short():
    room = FieldRoom()
    for _ in range(3):
        room.take("prompt", MAX_FIELD_BYTES)
    assert refused(room, "prompt", 65_537) == "'prompt' is longer than 65536 bytes."


@pytest.mark.parametrize(
    "name", ["known_speaker_references[]", "extra_body[known_speaker_references][0]"]
)
def test_recordings_of_known_voices_may_be_long_and_not_too_many(name: str):
    room = FieldRoom()
    for _ in range(4):
        room.check(name, MAX_LARGE_FIELDS_BYTES // 4)
        room.take(name, MAX_LARGE_FIELDS_BYTES // 4)
    for full, n_bytes in ((room, 1), (FieldRoom(), 17_000_000)):
        assert refused(full, name, n_bytes) == (
            f"The recordings in '{name}' are longer than 16777216 bytes together."
        )
