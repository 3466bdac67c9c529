"""Bodies are exact, subtitles stay valid whatever the model says, silence is an answer."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.output.formats import Style, render, usage
from auricle.output.subtitles import Shape
from auricle.types import Format, Language, Segment, Token, Transcript, Word


def segment(start_s: float, end_s: float, text: str) -> Segment:
    return Segment(
        start_s=start_s,
        end_s=end_s,
        text=text,
        tokens=(50364, 440, 50530),
        temperature=0.2,
        avg_logprob=-0.2860786020755768,
        compression_ratio=1.2363636493682861,
        no_speech_prob=0.00985979475080967,
        seek=300,
    )


def transcript(*segments: Segment, **changes: object) -> Transcript:
    given: dict[str, object] = {
        "task": "transcribe",
        "language": Language("de", 0.9),
        "duration_s": 8.470000267028809,
        "segments": segments,
        **changes,
    }
    return Transcript(**given)  # type: ignore[arg-type]  # a table of defaults has no one type


TWO = transcript(segment(0.0, 3.0, " Hello there."), segment(3.0, 5.48, " And <you> & me."))
NOTHING = transcript(language=None, duration_s=2.0)


@pytest.mark.parametrize(
    ("fmt", "body"),
    [
        (
            "json",
            '{"text":"Hello there. And <you> & me.","usage":{"seconds":9,"type":"duration"}}',
        ),
        ("text", "Hello there. And <you> & me.\n"),
        (
            "srt",
            "1\n00:00:00,000 --> 00:00:03,000\nHello there.\n\n"
            "2\n00:00:03,000 --> 00:00:05,480\nAnd <you> & me.\n\n",
        ),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:03.000\nHello there.\n\n"
            "00:00:03.000 --> 00:00:05.480\nAnd &lt;you&gt; &amp; me.\n\n",
        ),
    ],
)
def test_the_body_of_each_format(fmt: Format, body: str) -> None:
    assert render(TWO, Style(fmt)).decode() == body


def test_verbose_json_has_every_field_and_no_float_noise() -> None:
    assert json.loads(
        render(transcript(segment(0.1 + 0.2, 3.32, " Hallo.")), Style("verbose_json"))
    ) == {
        "task": "transcribe",
        "language": "german",
        "language_probability": 0.9,
        "duration": 8.47,
        "text": "Hallo.",
        "segments": [
            {
                "id": 0,
                "seek": 300,
                "start": 0.3,
                "end": 3.32,
                "text": " Hallo.",
                "tokens": [50364, 440, 50530],
                "temperature": 0.2,
                "avg_logprob": -0.2861,
                "compression_ratio": 1.2364,
                "no_speech_prob": 0.0099,
            }
        ],
        "usage": {"type": "duration", "seconds": 9},
    }


TIMED = msgspec.structs.replace(
    segment(0.0, 1.0, " Héy, you."),
    words=(Word(" Héy,", 0.1 + 0.2, 0.55, 0.91234), Word(" you.", 0.6, 1.0, 0.5)),
    logprobs=(
        Token(5, b" H\xc3", -0.123456),
        Token(6, b"\xa9y", -2.0),
        Token(7, b",", -0.5),
        Token(8, b" you.", 0.0),
    ),
)
MORE = msgspec.structs.replace(
    segment(1.0, 2.0, " Yes."), words=(Word(" Yes.", 1.1, 2.0, 1.0),), logprobs=()
)


def test_token_probabilities_are_shown_only_when_asked() -> None:
    timed = transcript(TIMED, MORE)
    assert "logprobs" not in json.loads(render(timed, Style("json")))
    assert json.loads(render(timed, Style("json", logprobs=True))) == {
        "text": "Héy, you. Yes.",
        "logprobs": [
            {"token": "bytes: H\\xc3", "logprob": -0.1235, "bytes": [32, 72, 195]},
            {"token": "bytes:\\xa9y", "logprob": -2.0, "bytes": [169, 121]},
            {"token": ",", "logprob": -0.5, "bytes": [44]},
            {"token": " you.", "logprob": 0.0, "bytes": [32, 121, 111, 117, 46]},
        ],
        "usage": {"type": "duration", "seconds": 9},
    }
    assert json.loads(render(NOTHING, Style("json", logprobs=True)))["logprobs"] == []


def test_words_are_shown_in_json_when_asked() -> None:
    assert json.loads(render(transcript(TIMED), Style("json", words=True))) == {
        "text": "Héy, you.",
        "words": [
            {"word": "Héy,", "start": 0.3, "end": 0.55, "probability": 0.9123},
            {"word": "you.", "start": 0.6, "end": 1.0, "probability": 0.5},
        ],
        "usage": {"type": "duration", "seconds": 9},
    }
    assert json.loads(render(NOTHING, Style("json", words=True)))["words"] == []


def test_languages_are_listed_in_the_order_they_were_spoken() -> None:
    codes = ("fr", "en", "fr")
    spoken = [
        msgspec.structs.replace(segment(n, n + 1.0, " Oui."), language=code)
        for n, code in enumerate(codes)
    ]
    shown = json.loads(render(transcript(*spoken), Style("json", languages=True)))
    assert shown["languages"] == [{"code": "fr"}, {"code": "en"}]
    assert "languages" not in json.loads(render(transcript(*spoken), Style("json")))
    assert json.loads(render(NOTHING, Style("json", languages=True)))["languages"] == []


@pytest.mark.parametrize(
    ("has_segments", "has_words"), [(True, False), (False, True), (True, True)]
)
def test_verbose_json_shows_the_granularities_asked_for(
    has_segments: bool, has_words: bool
) -> None:
    style = Style("verbose_json", segments=has_segments, words=has_words)
    body = json.loads(render(transcript(TIMED, MORE), style))
    assert ("segments" in body, "words" in body) == (has_segments, has_words)
    assert [each["text"] for each in body.get("segments", ())] == (
        [" Héy, you.", " Yes."] if has_segments else []
    )
    assert body.get("words", []) == (
        [
            {"word": "Héy,", "start": 0.3, "end": 0.55, "probability": 0.9123},
            {"word": "you.", "start": 0.6, "end": 1.0, "probability": 0.5},
            {"word": "Yes.", "start": 1.1, "end": 2.0, "probability": 1.0},
        ]
        if has_words
        else []
    )


@pytest.mark.parametrize(
    ("task", "language", "probability"),
    [
        ("transcribe", Language("de", 0.98765), 0.9877),
        ("transcribe", Language("de"), None),
        ("transcribe", None, None),
        ("translate", Language("de", 0.9), None),
    ],
)
def test_the_probability_of_a_language_is_that_of_detection(
    task: str, language: Language | None, probability: float | None
) -> None:
    """A translation names English, of which detection said nothing."""
    body = render(transcript(TIMED, task=task, language=language), Style("verbose_json"))
    assert json.loads(body).get("language_probability") == probability


@pytest.mark.parametrize(
    ("fmt", "body"),
    [
        ("json", '{"text":"","usage":{"seconds":2,"type":"duration"}}'),
        ("text", "\n"),
        ("srt", ""),
        ("vtt", "WEBVTT\n\n"),
        (
            "verbose_json",
            '{"task":"transcribe","language":"","duration":2.0,"text":"","segments":[],'
            '"usage":{"seconds":2,"type":"duration"}}',
        ),
    ],
)
def test_silence_is_valid_in_every_format(fmt: Format, body: str) -> None:
    assert render(NOTHING, Style(fmt)).decode() == body


def test_a_translation_is_english_and_an_unknown_code_is_shown_as_it_is() -> None:
    translated = json.loads(render(transcript(task="translate"), Style("verbose_json")))
    foreign = json.loads(render(transcript(language=Language("xx")), Style("verbose_json")))
    assert (translated["task"], translated["language"]) == ("translate", "english")
    assert foreign["language"] == "xx"


LONG = (
    " This sentence is so long that it takes two lines of a subtitle, and the second is full."
    " It is followed by another."
)


def test_a_long_segment_becomes_several_cues() -> None:
    one = transcript(segment(0, 8.7, LONG), duration_s=9.0)
    assert render(one, Style("srt")).decode() == (
        "1\n00:00:00,000 --> 00:00:04,808\nThis sentence is so long that it\n"
        "takes two lines of a subtitle,\n\n"
        "2\n00:00:04,884 --> 00:00:08,700\nand the second is full.\n"
        "It is followed by another.\n\n"
    )


def test_a_style_says_whether_it_needs_the_times_of_words() -> None:
    unlimited = Shape(max_line_width=0, max_cue_s=0)
    styles = {
        Style("json"): False,
        Style("verbose_json", words=True): True,
        Style("srt"): True,
        Style("vtt"): True,
        Style("vtt", cues=unlimited): False,
    }
    assert {style: style.shows_word_times for style in styles} == styles


def test_hours_do_not_stop_at_99() -> None:
    body = render(transcript(segment(359_999.5, 360_000.25, " Late.")), Style("srt")).decode()
    assert body == "1\n99:59:59,500 --> 100:00:00,250\nLate.\n\n"


def test_overlapping_and_empty_segments_make_cues_that_follow_each_other() -> None:
    body = render(
        transcript(
            segment(0.0, 5.0, " one"),
            segment(2.0, 2.0, " two"),
            segment(2.0, 1.0, "  "),
            segment(1.0, 9.0, " three"),
        ),
        Style("srt"),
    ).decode()
    assert body == (
        "1\n00:00:00,000 --> 00:00:02,000\none\n\n"
        "2\n00:00:02,000 --> 00:00:02,001\ntwo\n\n"
        "3\n00:00:02,001 --> 00:00:09,000\nthree\n\n"
    )


def test_text_cannot_end_a_cue_or_start_a_time_line() -> None:
    body = render(
        transcript(segment(0, 1, " a\n\n b --> c\r\n\r\n<i>\0\u2028 d")), Style("vtt")
    ).decode()
    assert body == ("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na b --&gt; c &lt;i&gt; d\n\n")


@pytest.mark.parametrize(
    ("duration_s", "seconds"), [(0.0, 0), (0.2, 1), (9.0, 9), (9.0000001, 9), (9.01, 10)]
)
def test_usage_is_whole_seconds_rounded_up(duration_s: float, seconds: int) -> None:
    assert usage(duration_s).seconds == seconds


TIMES = st.floats(min_value=0, max_value=400_000)


@given(st.lists(st.tuples(TIMES, TIMES, st.text()), max_size=8))
def test_cues_never_overlap_and_never_hold_a_blank_line(
    parts: list[tuple[float, float, str]],
) -> None:
    body = render(transcript(*(segment(*part) for part in parts)), Style("srt")).decode()
    blocks = body.split("\n\n")
    assert blocks.pop() == ""
    previous_ms = -1
    for number, block in enumerate(blocks, start=1):
        head, times, *lines = block.split("\n")
        start_ms, end_ms = (milliseconds(clock) for clock in times.split(" --> "))
        assert head == str(number)
        assert previous_ms <= start_ms < end_ms
        assert all(line.strip() for line in lines)
        assert lines
        previous_ms = end_ms


def milliseconds(clock: str) -> int:
    hours, minutes, seconds = clock.replace(",", "").split(":")
    return int(hours) * 3_600_000 + int(minutes) * 60_000 + int(seconds)
