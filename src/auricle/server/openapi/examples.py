"""Requests and answers as they look, for the document.

Knows nothing about schemas; a test holds every example against its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from auricle import __version__
from auricle.output import formats
from auricle.server.dialects.openai_events import DONE, TextDelta, TextDone
from auricle.server.transport.response import framed
from auricle.types import FORMATS, Format, Language, Segment, Speaker, Task, Transcript

Json = Mapping[str, Any]

MODEL: Json = {
    "id": "whisper-1",
    "created": 1790000000,
    "root": "base",
    "state": "ready",
    "memory_mb": 280,
    "queue": {"requests": 1, "windows": 4},
    "object": "model",
    "owned_by": "auricle",
    "device": "cpu",
    "compute_type": "int8_float32",
    "languages": ["en", "de"],
    "audio_context_retried": 0.02,
    "reason": None,
}

DOWNLOAD: Json = {
    "id": "small",
    "object": "download",
    "state": "downloading",
    "bytes": 486212372,
    "received_bytes": 104857600,
    "reason": None,
    "transcribes": True,
    "languages": 99,
    "translates": True,
    "memory_mb": 1457,
    "fits": True,
}

FAILED_REQUEST: Json = {
    "id": "req_5f3a9d1c7b2e4f60a8d4c6b1e0f2a394",
    "object": "error",
    "ended_at": 1764460800,
    "method": "POST",
    "path": "/v1/audio/transcriptions",
    "status": 400,
    "close_code": None,
    "code": "unsupported_language",
    "param": "language",
    "model": "tiny.en",
}

MACHINE: Json = {
    "machine": {
        "auricle": __version__,
        "processor": "AMD EPYC 9B45",
        "vector instructions": "AVX, AVX2, FMA, AVX-512, AVX-512 VNNI",
        "usable cores": "2 of 2",
        "usable memory": "8.0 of 8.3 GB",
        "usable GPUs": "0",
    },
    "plan": {
        "device": "cpu",
        "compute type": "int8",
        "parallel work": "2 workers of 1 thread",
        "engine": "ctranslate2",
        "free disk": "20.5 GB",
    },
    "problems": [
        {
            "what": "this processor multiplies bfloat16, which only the other engine makes use of",
            "way_out": "`pip install 'auricle[openvino]'`, then --engine auto",
            "is_fatal": False,
        }
    ],
}

METRICS = """\
# HELP auricle_requests_total Requests answered
# TYPE auricle_requests_total counter
auricle_requests_total{method="POST",route="/v1/audio/transcriptions",status="200"} 12.0
"""

HEALTH: Json = {
    "status": "ok",
    "model": "base",
    "version": __version__,
    "ready": True,
    "loaded": ["base"],
}

LOADING: Json = {"status": "starting", "model": "base", "version": __version__, "ready": False}

SERVICE: Json = {
    "service": "auricle",
    "version": __version__,
    "status": "ok",
    "model": "base",
    "endpoints": ["POST /v1/audio/transcriptions", "GET /v1/models", "GET /health"],
}

_SAID = Transcript(
    task="transcribe",
    language=Language("en", 0.98),
    duration_s=8.47,
    segments=(
        Segment(
            start_s=0.0,
            end_s=3.32,
            text=" The beach was a popular spot on a hot summer day.",
            tokens=(50364, 440, 7534, 390, 257, 3743, 4008, 322, 257, 2368, 4266, 786, 13, 50530),
            temperature=0.0,
            avg_logprob=-0.2861,
            compression_ratio=1.2364,
            no_speech_prob=0.0099,
        ),
    ),
)

_SPOKEN = replace(
    _SAID,
    segments=tuple(msgspec.structs.replace(each, speaker="A") for each in _SAID.segments),
    speakers=(Speaker("A", is_known=False, speech_s=3.1),),
)

TEXTS: Json = {
    name: {
        "summary": f"response_format={name}",
        "value": formats.render(_SAID, formats.Style(name)).decode(),
    }
    for name in FORMATS
    if formats.CONTENT_TYPES[name].startswith("text/")
}

_EVENTS = (
    TextDelta("The beach was a popular spot"),
    TextDelta(" on a hot summer day."),
    TextDone(text=_SAID.text, usage=formats.usage(_SAID.duration_s)),
)

STREAM = b"".join((*map(framed, _EVENTS), DONE)).decode()


def bodies(task: Task) -> Json:
    """The JSON answers of a task by their format."""
    return {
        name: {
            "summary": f"response_format={name}",
            "value": _decoded(formats.render(_said(task, name), formats.Style(name))),
        }
        for name in FORMATS
        if formats.CONTENT_TYPES[name] == "application/json"
    }


def _said(task: Task, name: Format) -> Transcript:
    return replace(_SPOKEN if name == "diarized_json" else _SAID, task=task)


def requests(task: Task) -> Json:
    """Forms that can be sent; the recording itself is left to the reader."""
    forms: dict[str, Json] = {
        "plain": {"file": "recording.mp3", "model": "whisper-1"},
        "subtitles": {
            "file": "film.mkv",
            "model": "base",
            "language": "de",
            "response_format": "srt",
        },
        "stream": {"file": "recording.mp3", "model": "whisper-1", "stream": True},
    }
    if task == "transcribe":
        forms["speakers"] = {
            "file": "interview.mp3",
            "model": "whisper-1",
            "response_format": "diarized_json",
            "num_speakers": 2,
        }
        forms["times"] = {
            "file": "recording.mp3",
            "model": "whisper-1",
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["segment"],
        }
    return {name: {"summary": name, "value": form} for name, form in forms.items()}


AS_JSON: Json = {"model": "whisper-1", "input_audio": {"data": "SUQzBAA=", "format": "mp3"}}


def code(task: Task) -> tuple[Json, ...]:
    """The same call in three languages."""
    noun = "transcriptions" if task == "transcribe" else "translations"
    return (
        {
            "lang": "Shell",
            "source": f"curl http://localhost:50060/v1/audio/{noun} \\\n"
            "  -F model=whisper-1 -F file=@recording.mp3",
        },
        {
            "lang": "Python",
            "source": "from openai import OpenAI\n\n"
            'client = OpenAI(base_url="http://localhost:50060/v1", api_key="none")\n'
            'with open("recording.mp3", "rb") as file:\n'
            f'    print(client.audio.{noun}.create(model="whisper-1", file=file).text)',
        },
        {
            "lang": "JavaScript",
            "source": 'import fs from "node:fs";\nimport OpenAI from "openai";\n\n'
            'const client = new OpenAI({ baseURL: "http://localhost:50060/v1", apiKey: "none" });\n'
            'const file = fs.createReadStream("recording.mp3");\n'
            f"const answer = await client.audio.{noun}.create"
            '({ model: "whisper-1", file });\nconsole.log(answer.text);',
        },
    )


def _decoded(body: bytes) -> Any:
    return msgspec.json.decode(body)
