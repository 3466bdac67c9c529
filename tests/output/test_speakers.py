"""Who says what, in every format that shows it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from auricle.output.formats import Style, render
from auricle.output.subtitles import Shape
from auricle.types import Format, Segment, Speaker, Word
from tests.output.test_formats import segment, transcript


def spoken(start_s: float, end_s: float, text: str, speaker: str | None, *more: str) -> Segment:
    length_s = (end_s - start_s) / len(text.split())
    words = tuple(
        Word(f" {each}", start_s + i * length_s, start_s + (i + 1) * length_s, 0.5, speaker, more)
        for i, each in enumerate(text.split())
    )
    plain = segment(start_s, end_s, f" {text}")
    return msgspec.structs.replace(plain, speaker=speaker, overlapping=more, words=words)


SPEAKERS = (Speaker("A", False, 3.0004, (0.6, 0.8)), Speaker("B & <Ann>", True, 2.5, (1.0, 0.0)))
TALK = transcript(
    spoken(0.0, 2.0, "Is it late?", "A"),
    spoken(2.0, 3.0, "Look.", "A", "B & <Ann>"),
    spoken(3.0, 5.48, "Not yet.", "B & <Ann>"),
    speakers=SPEAKERS,
)


def rendered(fmt: Format, **style: Any) -> str:
    return render(TALK, Style(fmt, speakers=True, **style)).decode()


def test_text_has_a_line_for_each_turn() -> None:
    assert rendered("text") == "A: Is it late? Look.\nB & <Ann>: Not yet.\n"


def test_text_of_nobody() -> None:
    style = Style("text", speakers=True)
    assert render(transcript(duration_s=1.0, speakers=()), style) == b"\n"
    unknown = transcript(spoken(0.0, 1.0, "Hm.", None), speakers=())
    assert render(unknown, style) == b"Hm.\n"


def test_subrip_names_the_speaker_of_each_cue() -> None:
    assert rendered("srt") == (
        "1\n00:00:00,000 --> 00:00:02,000\nA: Is it late?\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\nA: Look.\n\n"
        "3\n00:00:03,000 --> 00:00:05,480\nB & <Ann>: Not yet.\n\n"
    )


def test_webvtt_has_voices() -> None:
    assert rendered("vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n<v A>Is it late?\n\n"
        "00:00:02.000 --> 00:00:03.000\n<v A>Look.\n\n"
        "00:00:03.000 --> 00:00:05.480\n<v B &amp; &lt;Ann&gt;>Not yet.\n\n"
    )


def test_the_name_is_part_of_a_line() -> None:
    said = "one two three four five six seven eight nine ten"
    talk = transcript(spoken(0.0, 6.0, said, "Annabel"), duration_s=6.0, speakers=())
    shape = Shape(max_line_width=30, max_line_count=1)
    body = render(talk, Style("srt", speakers=True, cues=shape)).decode()
    lines = [line for line in body.splitlines() if line.startswith("Annabel: ")]
    assert len(lines) == 3
    assert max(map(len, lines)) <= 30


def test_verbose_json() -> None:
    body = json.loads(rendered("verbose_json", words=True))
    keys = ("start", "end", "text", "speaker", "overlapping_speakers")
    assert [[each.get(key) for key in keys] for each in body["segments"]] == [
        [0.0, 2.0, " Is it late?", "A", None],
        [2.0, 3.0, " Look.", "A", ["B & <Ann>"]],
        [3.0, 5.48, " Not yet.", "B & <Ann>", None],
    ]
    assert [(each["word"], each["speaker"]) for each in body["words"]] == [
        *(("Is", "A"), ("it", "A"), ("late?", "A"), ("Look.", "A")),
        *(("Not", "B & <Ann>"), ("yet.", "B & <Ann>")),
    ]
    assert body["speakers"] == [
        {"speaker": "A", "known": False, "speech_s": 3.0},
        {"speaker": "B & <Ann>", "known": True, "speech_s": 2.5},
    ]


def test_diarized_json_has_words_only_when_asked() -> None:
    body = json.loads(rendered("diarized_json", words=True))
    assert [(each["word"], each["speaker"]) for each in body["words"]] == [
        *(("Is", "A"), ("it", "A"), ("late?", "A"), ("Look.", "A")),
        *(("Not", "B & <Ann>"), ("yet.", "B & <Ann>")),
    ]


def test_diarized_json() -> None:
    body = json.loads(rendered("diarized_json", embeddings=True))
    assert body == {
        "task": "transcribe",
        "duration": 8.47,
        "text": "Is it late? Look. Not yet.",
        "segments": [
            {
                "type": "transcript.text.segment",
                "id": "seg_0",
                "start": 0.0,
                "end": 2.0,
                "text": " Is it late?",
                "speaker": "A",
            },
            {
                "type": "transcript.text.segment",
                "id": "seg_1",
                "start": 2.0,
                "end": 3.0,
                "text": " Look.",
                "speaker": "A",
                "overlapping_speakers": ["B & <Ann>"],
            },
            {
                "type": "transcript.text.segment",
                "id": "seg_2",
                "start": 3.0,
                "end": 5.48,
                "text": " Not yet.",
                "speaker": "B & <Ann>",
            },
        ],
        "speakers": [
            {"speaker": "A", "known": False, "speech_s": 3.0, "embedding": [0.6, 0.8]},
            {"speaker": "B & <Ann>", "known": True, "speech_s": 2.5, "embedding": [1.0, 0.0]},
        ],
        "usage": {"seconds": 9, "type": "duration"},
    }


def test_text_that_no_voice_was_heard_with() -> None:
    body = render(transcript(segment(0, 1, " Hm."), speakers=()), Style("diarized_json"))
    assert json.loads(body)["segments"][0]["speaker"] == "unknown"
    assert json.loads(body)["speakers"] == []


@pytest.mark.parametrize("fmt", ["json", "verbose_json"])
def test_nobody_is_named_unasked(fmt: Format) -> None:
    assert "speaker" not in render(transcript(segment(0, 1, " Hm.")), Style(fmt)).decode()
