"""What a request says about speakers: read, or refused with field, value and what may be."""

from __future__ import annotations

from base64 import b64encode

import pytest

from auricle.errors import InvalidRequest
from auricle.server.fields.audio_request import AudioRequest, parse
from auricle.types import KnownVoice, SpeakerOptions
from tests.server.conftest import settings

SETTINGS = settings()
DIARIZED = ("response_format", "diarized_json")
VERBOSE = ("response_format", "verbose_json")
ASKED = (VERBOSE, ("diarize", "true"))


def read(*pairs: tuple[str, str], model: str = "base") -> AudioRequest:
    return parse([("model", model), *pairs], "transcribe", SETTINGS)


def refused(*pairs: tuple[str, str]) -> tuple[str, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        read(*pairs)
    return caught.value.message, caught.value.param


def url(data: bytes) -> str:
    return f"data:audio/wav;base64,{b64encode(data).decode()}"


@pytest.mark.parametrize("fmt", ["verbose_json", "diarized_json", "text", "srt", "vtt"])
def test_speakers_in_every_format_that_can_show_them(fmt: str) -> None:
    asked = read(("response_format", fmt), ("diarize", "true"))
    assert (asked.style.speakers, asked.options.words) == (True, True)
    assert asked.options.speakers == SpeakerOptions()


def test_nobody_is_told_apart_unasked() -> None:
    for pairs in ((), (VERBOSE,), (VERBOSE, ("diarize", "false"))):
        asked = read(*pairs)
        assert (asked.style.speakers, asked.options.speakers) == (False, None)


@pytest.mark.parametrize("model", ["gpt-4o-transcribe-diarize", "openai/GPT-4o-transcribe-diarize"])
@pytest.mark.parametrize(
    ("fmt", "shows"),
    [
        ("json", False),
        ("text", False),
        ("diarized_json", True),
        ("verbose_json", True),
        ("srt", True),
        ("vtt", True),
    ],
)
def test_openais_model_shows_speakers_where_openai_does(model: str, fmt: str, shows: bool) -> None:
    asked = read(("response_format", fmt), model=model)
    assert (asked.options.speakers is not None) is shows
    assert read(("response_format", fmt)).style.speakers is (fmt == "diarized_json")


def test_the_words_are_shown_only_where_they_are_asked_for() -> None:
    assert not read(*ASKED).style.words
    assert read(*ASKED, ("timestamp_granularities[]", "word")).style.words


def test_a_stream_of_speakers_has_segments_and_text_with_names_is_sent_whole() -> None:
    assert read(DIARIZED, ("stream", "true")).stream
    text = ("response_format", "text")
    assert not read(text, ("diarize", "true"), ("stream", "true")).stream
    assert read(text, ("stream", "true")).stream


@pytest.mark.parametrize(
    ("pairs", "bounds"),
    [
        ((("num_speakers", "3"),), (3, 3)),
        ((("min_speakers", "2"),), (2, None)),
        ((("max_speakers", "4"),), (1, 4)),
        ((("min_speakers", "2"), ("max_speakers", "2")), (2, 2)),
        ((("num_speakers", "2"), ("min_speakers", "1"), ("max_speakers", "32")), (2, 2)),
        ((("num_speakers", "0"), ("min_speakers", "0"), ("max_speakers", "0")), (1, None)),
    ],
)
def test_how_many_there_are(pairs: tuple[tuple[str, str], ...], bounds: tuple[int, int]) -> None:
    assert read(DIARIZED, *pairs).options.speakers == SpeakerOptions(*bounds)


@pytest.mark.parametrize(
    "names",
    [
        [("known_speaker_names[]", "Ann"), ("known_speaker_names[]", "Bob  B.")],
        [("known_speaker_names", '["Ann", "Bob B."]')],
        [("extra_body[known_speaker_names][]", "Ann"), ("known_speaker_names[1]", "Bob B.")],
    ],
)
@pytest.mark.parametrize("way", ["list", "json", "commas"])
def test_who_they_may_be(names: list[tuple[str, str]], way: str) -> None:
    urls = (url(b"ann"), url(b"bob"))
    references = {
        "list": [("known_speaker_references[]", each) for each in urls],
        "json": [("known_speaker_references", f'["{urls[0]}","{urls[1]}"]')],
        "commas": [("known_speaker_references", ",".join(urls))],
    }[way]
    asked = read(DIARIZED, *names, *references)
    known = (KnownVoice("Ann", b"ann"), KnownVoice("Bob B.", b"bob"))
    assert asked.options.speakers == SpeakerOptions(known=known)


def test_channels_that_are_speakers() -> None:
    asked = read(VERBOSE, ("channels", "separate"))
    assert (asked.style.speakers, asked.options.words) == (True, True)
    assert asked.options.speakers == SpeakerOptions(by_channel=True)
    assert read(*ASKED, ("channels", "mixed")).options.speakers == SpeakerOptions()
    assert read(*ASKED, ("channels", "separate")).options.speakers == SpeakerOptions(
        by_channel=True
    )


def test_what_a_field_means_when_it_is_absent_needs_nothing() -> None:
    """Clients that are generated from the document send it unasked."""
    numbers = [(name, "0") for name in ("num_speakers", "min_speakers", "max_speakers")]
    assert read(*numbers, ("diarize", "false")).options.speakers is None


ANN = ("known_speaker_names[]", "Ann")
VOICE = ("known_speaker_references[]", url(b"voice"))


@pytest.mark.parametrize(
    ("pairs", "message", "param"),
    [
        (
            [("diarize", "true")],
            "Invalid 'diarize': it needs response_format 'text', 'srt', 'verbose_json', "
            "'vtt', 'diarized_json', but that is 'json'.",
            "diarize",
        ),
        (
            [DIARIZED, ("diarize", "false")],
            "'diarize' and 'response_format' cannot be used together: 'diarized_json' says who "
            "speaks.",
            "diarize",
        ),
        (
            [VERBOSE, ("num_speakers", "2")],
            "Invalid 'num_speakers': it needs diarize 'true', but that is 'false'.",
            "num_speakers",
        ),
        (
            [DIARIZED, ("num_speakers", "33")],
            "Invalid 'num_speakers': integer above maximum value. Expected a value <= 32, but got "
            "33 instead.",
            "num_speakers",
        ),
        (
            [DIARIZED, ("min_speakers", "3"), ("max_speakers", "2")],
            "Invalid 'min_speakers': got 3, but max_speakers is 2; it may be 2 at most.",
            "min_speakers",
        ),
        (
            [DIARIZED, ("num_speakers", "2"), ("min_speakers", "3")],
            "Invalid 'min_speakers': got 3, but num_speakers is 2; it may be 2 at most.",
            "min_speakers",
        ),
        (
            [DIARIZED, ("num_speakers", "4"), ("max_speakers", "3")],
            "Invalid 'num_speakers': got 4, but max_speakers is 3; it may be 3 at most.",
            "num_speakers",
        ),
        (
            [DIARIZED, ANN],
            "Invalid 'known_speaker_references': each of known_speaker_names needs one, in the "
            "same order, but there are 0 for 1.",
            "known_speaker_references",
        ),
        (
            [DIARIZED, ANN, ANN, VOICE, VOICE],
            "Invalid 'known_speaker_names': 'Ann' stands there twice; a name is one person's.",
            "known_speaker_names",
        ),
        (
            [DIARIZED, ("known_speaker_names[]", "unknown"), VOICE],
            "Invalid 'known_speaker_names': got 'unknown', which is what answers call whom no "
            "voice was heard with; any other name will do.",
            "known_speaker_names",
        ),
        (
            [DIARIZED, ("known_speaker_names[]", "a\x07"), VOICE],
            "Invalid 'known_speaker_names': expected 1 to 100 printable characters, but got "
            "'a\\x07'.",
            "known_speaker_names",
        ),
        (
            [DIARIZED, *[("known_speaker_names[]", f"n{i}") for i in range(11)], VOICE],
            "Invalid 'known_speaker_names': expected at most 10 names, but got 11.",
            "known_speaker_names",
        ),
        (
            [DIARIZED, *[VOICE] * 11],
            "Invalid 'known_speaker_references': expected at most 10 recordings, but got 11.",
            "known_speaker_references",
        ),
        (
            [DIARIZED, ANN, ("known_speaker_references[]", "https://example.com/ann.wav")],
            "Invalid 'known_speaker_references[0]': expected a data URL such as "
            "data:audio/wav;base64,…, but got 'https://example.com/ann.wav'.",
            "known_speaker_references[0]",
        ),
        (
            [DIARIZED, ANN, ("known_speaker_references[]", "data:audio/wav;base64,")],
            "Invalid 'known_speaker_references[0]': the recording is empty (0 bytes).",
            "known_speaker_references[0]",
        ),
        (
            [("channels", "separate")],
            "Invalid 'channels': it needs response_format 'text', 'srt', 'verbose_json', "
            "'vtt', 'diarized_json', but that is 'json'.",
            "channels",
        ),
        (
            [DIARIZED, ("channels", "separate"), ("num_speakers", "2")],
            "'channels' and 'num_speakers' cannot be used together: with 'separate' each channel "
            "is a speaker.",
            "channels",
        ),
        (
            [VERBOSE, ("channels", "separate"), ("diarize", "false")],
            "'diarize' and 'channels' cannot be used together: 'separate' takes channels for "
            "speakers.",
            "diarize",
        ),
        (
            [DIARIZED, ("speaker_embeddings", "true"), ("diarize", "maybe")],
            "Invalid 'diarize': expected true or false, but got 'maybe'.",
            "diarize",
        ),
    ],
)
def test_refusals(pairs: list[tuple[str, str]], message: str, param: str) -> None:
    assert refused(*pairs) == (message, param)


def test_what_is_no_base64_and_what_is_too_long() -> None:
    reference = "known_speaker_references[]"
    message, param = refused(DIARIZED, ANN, (reference, "data:audio/wav;base64,%%"))
    assert message.startswith(
        "Invalid 'known_speaker_references[0]': the recording must be base64: "
    )
    long = "data:audio/wav;base64," + "A" * (4 << 20)
    assert param == "known_speaker_references[0]"
    assert refused(DIARIZED, ANN, (reference, long)) == (
        "Invalid 'known_speaker_references[0]': expected at most 4194304 bytes, but got 4194326.",
        "known_speaker_references[0]",
    )
