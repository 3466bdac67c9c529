"""The size of subtitles, per server and per request."""

from __future__ import annotations

import pytest

from auricle.errors import InvalidRequest
from auricle.output.subtitles import Shape
from auricle.server.fields.audio_request import AudioRequest, parse
from auricle.settings.config import Settings

SETTINGS = Settings(max_line_width=30, max_line_count=1, max_cue_s=5.0)


def read(*pairs: tuple[str, str], settings: Settings = SETTINGS) -> AudioRequest:
    return parse((("model", "whisper-1"), *pairs), "transcribe", settings)


@pytest.mark.parametrize("wanted", ["srt", "vtt"])
def test_a_request_wins_over_the_settings(wanted: str) -> None:
    own = [("max_line_width", "20"), ("max_line_count", "3"), ("max_cue_s", "2.5")]
    assert read(("response_format", wanted)).style.cues == Shape(30, 1, 5.0)
    assert read(("response_format", wanted), *own).style.cues == Shape(20, 3, 2.5)


def test_word_times_are_found_only_for_subtitles_that_may_be_split() -> None:
    off = [("max_line_width", "0"), ("max_cue_s", "0")]
    assert read(("response_format", "srt")).options.words is True
    assert read(("response_format", "srt"), *off).options.words is False
    assert read(("response_format", "text")).options.words is False


@pytest.mark.parametrize(
    ("pairs", "message", "param"),
    [
        (
            [("response_format", "json"), ("max_cue_s", "5")],
            "Invalid 'max_cue_s': it needs response_format 'srt' or 'vtt', but that is 'json'.",
            "max_cue_s",
        ),
        (
            [("max_line_width", "x")],
            "Invalid 'max_line_width': expected a whole number from 0 to 1000, but got 'x'.",
            "max_line_width",
        ),
        (
            [("response_format", "srt"), ("max_line_count", "101")],
            "Invalid 'max_line_count': integer above maximum value. Expected a value <= 100, but "
            "got 101 instead.",
            "max_line_count",
        ),
        (
            [("response_format", "srt"), ("max_line_width", "0"), ("max_line_count", "2")],
            "'max_line_count' and 'max_line_width' cannot be used together: lines cannot be "
            "counted while they may be of any width (max_line_width 0).",
            "max_line_count",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    pairs: list[tuple[str, str]], message: str, param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(*pairs)
    assert (caught.value.message, caught.value.param) == (message, param)
