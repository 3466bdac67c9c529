"""What every client is asked to do, and what must come of it: one table for all of them.

Knows nothing about how a client is run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.audio_files import JFK_WORDS, words

Outcome = Mapping[str, Any]

PYTHON = ("openai 3", "openai 1.0")
NODE = ("openai-node 6", "openai-node 7")
RAW = ("httpx2", "curl")
SDKS = (*PYTHON, *NODE)
CLIENTS = (*SDKS, *RAW)

TEXT = "Hello there."


@dataclass(frozen=True)
class Upload:
    """How the recording travels. Without a name it is what an SDK makes of plain bytes."""

    name: str | None = "speech.wav"
    mime: str = "audio/wav"
    chunked: bool = False
    first: bool = False
    large_mb: int = 0


@dataclass(frozen=True)
class Case:
    """``action`` is what the scripted server plays; `tests.sdk.servers` knows its words."""

    name: str
    check: Callable[[Any], object]
    fields: Mapping[str, Any] = field(default_factory=dict)
    action: str = "base"
    operation: str = "transcribe"
    upload: Upload = field(default_factory=Upload)
    key: str | None = None
    retries: int = 0
    attempts: int = 1
    """How often the server is asked; 0 when the request does not get so far."""
    status: int = 200
    code: str | None = None
    clients: tuple[str, ...] = CLIENTS


def _json(value: object) -> bool:
    return value == {"text": TEXT, "usage": {"type": "duration", "seconds": 3}}


def _verbose(value: Any) -> bool:
    said = [segment["text"] for segment in value["segments"]]
    return (value["task"], value["language"], value["duration"], said, "words" in value) == (
        *("transcribe", "english", 2.5, [f" {TEXT}"]),
        False,
    )


def _words(value: Any) -> bool:
    times = [(word["word"].strip(), word["start"], word["end"]) for word in value["words"]]
    return times == [("Hello", 0.0, 0.5), ("there.", 0.5, 1.0)]


def _logprobs(value: Any) -> bool:
    return [(each["token"], each["logprob"]) for each in value["logprobs"]] == [
        (" Hello", -0.25),
        (" there.", -0.5),
    ]


def _stream(value: Any) -> bool:
    deltas = "".join(event["delta"] for event in value[:-1])
    done = value[-1]
    return (deltas, done["type"], done["text"]) == (TEXT, "transcript.text.done", TEXT)


def _diarized(value: Any) -> bool:
    said = [(each["id"], each["speaker"], each["text"]) for each in value["segments"]]
    names = [each["speaker"] for each in value["speakers"]]
    return (said, names, value["text"]) == ([("seg_0", "Ann", f" {TEXT}")], ["Ann"], TEXT)


def _diarized_stream(value: Any) -> bool:
    kinds = [event["type"].removeprefix("transcript.text.") for event in value]
    segment = value[-2]
    return (kinds, segment["speaker"], segment["text"]) == (
        *(["delta", "segment", "done"], "Ann", f" {TEXT}"),
    )


def _models(value: list[str]) -> bool:
    return {"base", "small", "whisper-1"} <= set(value)


def _nothing(_: Any) -> bool:
    return True


SRT = f"1\n00:00:00,000 --> 00:00:01,000\n{TEXT}\n\n"
VTT = f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{TEXT}\n\n"
VERBOSE: Mapping[str, Any] = {"response_format": "verbose_json"}
GRANULARITIES = "timestamp_granularities"
DIARIZED: Mapping[str, Any] = {
    "response_format": "diarized_json",
    "chunking_strategy": "auto",
    "known_speaker_names": ["Ann", "Bob"],
    "known_speaker_references": [
        "data:audio/wav;base64,YW5u",
        "data:audio/mpeg;base64,Ym9i",
    ],
}
SERVER_VAD = {"type": "server_vad", "threshold": 0.75, "prefix_padding_ms": 100}

SCRIPTED = (
    Case("json", _json),
    Case("text", (TEXT + "\n").__eq__, {"response_format": "text"}),
    Case("srt", SRT.__eq__, {"response_format": "srt"}),
    Case("vtt", VTT.__eq__, {"response_format": "vtt"}),
    Case("verbose_json", _verbose, VERBOSE),
    Case(
        "words alone",
        lambda value: _words(value) and "segments" not in value,
        {**VERBOSE, GRANULARITIES: ["word"]},
    ),
    Case(
        "words and segments",
        lambda value: _words(value) and len(value["segments"]) == 1,
        {**VERBOSE, GRANULARITIES: ["word", "segment"]},
    ),
    Case("logprobs", _logprobs, {"include": ["logprobs"]}),
    Case("stream", _stream, {"stream": True}),
    Case("speakers", _diarized, DIARIZED),
    Case("stream of speakers", _diarized_stream, {**DIARIZED, "stream": True}),
    Case("translation", _json, operation="translate"),
    Case("models", _models, operation="models", attempts=0),
    Case("chunking as a word", _json, {"chunking_strategy": "auto"}),
    Case("chunking as an object", _json, {"chunking_strategy": SERVER_VAD}),
    Case("60 MB", _json, upload=Upload(large_mb=60)),
    Case("60 MB without a length", _json, upload=Upload(large_mb=60, chunked=True)),
    Case("without a length", _json, upload=Upload(chunked=True)),
    Case("file first", _json, upload=Upload(first=True)),
    Case("file first without a length", _json, upload=Upload(first=True, chunked=True)),
    Case("bytes without a name", _json, upload=Upload(None, "application/octet-stream")),
    Case("odd name", _json, upload=Upload('Grüße "1"; 你好', "application/octet-stream")),
    Case("odd kind", _json, upload=Upload("a.mp3", "audio/webm;codecs=opus")),
    Case("wrong kind", _json, upload=Upload("notes.txt", "text/plain")),
    Case(
        "bad value",
        _nothing,
        {"temperature": 3},
        status=400,
        code="decimal_above_max_value",
        attempts=0,
    ),
    Case("wrong key", _nothing, key="sk-wrong", status=401, code="invalid_api_key", attempts=0),
    Case("unknown model", _nothing, action="unknown", status=404, code="model_not_found"),
    Case("too large", _nothing, upload=Upload(large_mb=63), status=413, attempts=0, retries=2),
    Case(
        "too large without a length",
        _nothing,
        upload=Upload(large_mb=63, chunked=True),
        status=413,
        attempts=0,
    ),
    Case("busy", _nothing, action="busy", status=429, code="rate_limit_exceeded"),
    Case("broken", _nothing, action="broken", status=500, retries=2),
    Case("stopping", _nothing, action="stopping", status=503),
    Case("busy twice", _json, action="twice", retries=2, attempts=3, clients=SDKS),
    Case(
        "unknown model is not tried again",
        _nothing,
        action="unknown",
        status=404,
        code="model_not_found",
        retries=2,
    ),
    Case(
        "busy to the end",
        _nothing,
        action="busy",
        status=429,
        code="rate_limit_exceeded",
        retries=1,
        attempts=2,
        clients=SDKS,
    ),
)


def _spoken(value: Any) -> bool:
    return words(value["text"]) == JFK_WORDS


def _real_words(value: Any) -> bool:
    found = " ".join(word["word"].strip() for word in value["words"])
    starts = [word["start"] for word in value["words"]]
    return words(found) == JFK_WORDS and starts == sorted(starts) and len(value["segments"]) > 0


def _real_logprobs(value: Any) -> bool:
    spelled = bytes(int(byte) for each in value["logprobs"] for byte in each["bytes"]).decode()
    return spelled.strip() == value["text"] and all(
        each["logprob"] <= 0 for each in value["logprobs"]
    )


def _real_stream(value: Any) -> bool:
    text = "".join(event["delta"] for event in value[:-1])
    return text == value[-1]["text"] and words(text) == JFK_WORDS


REAL = (
    Case("json", _spoken),
    Case("words and segments", _real_words, {**VERBOSE, GRANULARITIES: ["word", "segment"]}),
    Case("logprobs", _real_logprobs, {"include": ["logprobs"]}),
    Case("stream", _real_stream, {"stream": True}),
    Case(
        "srt", lambda value: "00:00:0" in value and "country" in value, {"response_format": "srt"}
    ),
    Case("60 MB", _spoken, upload=Upload(large_mb=60)),
)
"""With weights: the same recording from each client."""
