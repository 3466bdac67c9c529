"""A request may be a JSON object with the recording as base64, as OpenRouter's API has it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auricle.output.formats import Style
from auricle.server.transport import json_upload
from auricle.types import DecodeOptions
from tests.server.conftest import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/audio/transcriptions"
AUDIO = bytes(range(256)) * 5 + b"\xfb\xef\xbe"
"""Its base64 has every character, both of those that a URL writes otherwise."""

ENCODED = base64.b64encode(AUDIO).decode()


async def post(served: Served, body: object, kind: str = "application/json") -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with served.http() as http:
        return await http.post(PATH, content=content, headers={"content-type": kind})


def left(spool: Path) -> list[Path]:
    return list(spool.iterdir())


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "base", "input_audio": {"data": ENCODED, "format": "mp3"}, **fields}


async def test_what_open_webui_sends(served: Served) -> None:
    """It was refused for its content type."""
    answer = await post(served, asked(language="en"), "application/json; charset=utf-8")
    assert answer.json() == {
        "text": "Hello there. And you.",
        "usage": {"type": "duration", "seconds": 3},
    }
    assert served.runtime.asked == [(AUDIO, DecodeOptions(language="en"))]
    assert served.runtime.models == ["base"]


async def test_fields_of_every_kind(served: Served, spool: Path) -> None:
    answer = await post(
        served,
        asked(
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            temperature=0.5,
            vad=False,
            prompt=None,
            suppress_tokens=[],
            keywords=["Smith, John"],
            chunking_strategy="auto",
            provider={"order": ["x"]},
        ),
    )
    assert answer.status_code == 200
    assert [options for _, options in served.runtime.asked] == [
        DecodeOptions(
            temperature=0.5,
            vad=False,
            suppress_tokens=(),
            keywords=("Smith, John",),
            words=Style("verbose_json", words=True).shows_word_times,
        )
    ]
    assert left(spool) == []


@pytest.mark.parametrize(
    "encoded",
    [
        ENCODED.replace("/", "\\/"),
        ENCODED[:76] + "\\r\\n" + ENCODED[76:],
        ENCODED.replace("+", "-").replace("/", "_").rstrip("="),
        f"data:audio/mpeg;base64,{ENCODED}",
    ],
    ids=["escaped slashes", "lines", "for URLs", "data URL"],
)
async def test_base64_in_every_spelling(
    served: Served, monkeypatch: pytest.MonkeyPatch, encoded: str
) -> None:
    monkeypatch.setattr(json_upload, "BLOCK_BYTES", 77)  # so that blocks end anywhere
    body = '{"model":"base","input_audio":{"format":"mp3","data":"' + encoded + '"}}'
    assert (await post(served, body.encode())).status_code == 200
    assert [audio for audio, _ in served.runtime.asked] == [AUDIO]


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b"", "The body is empty; it must be a JSON object.", None),
        (b"[1]", "The body is not a JSON object: Expected `object`, got `array`.", None),
        (b'{"model"', "The body is not a JSON object: Input data was truncated.", None),
        (
            b'{"model": "\xff"}',
            "'model' is no JSON value: 'utf-8' codec can't decode byte 0xff in position 0: invalid "
            "start byte.",
            "model",
        ),
        (
            {"model": "base"},
            "Missing required parameter: 'input_audio.data'.",
            "input_audio.data",
        ),
        (asked(input_audio={"data": None}), "Missing required parameter: 'input_audio.data'.", 0),
        (
            asked(input_audio=ENCODED),
            "'input_audio' is not a JSON object: Expected `object`, got `str`.",
            None,
        ),
        (
            asked(input_audio={"data": ""}),
            "The recording in 'input_audio.data' is empty (0 bytes).",
            0,
        ),
        (
            asked(input_audio={"data": 7}),
            "Invalid 'input_audio.data': the recording must be base64: it is no text.",
            0,
        ),
        (
            asked(input_audio={"data": "QUJD!!!!"}),
            "Invalid 'input_audio.data': the recording must be base64: Only base64 data is "
            "allowed.",
            0,
        ),
        (asked(prompt="x" * 65_536), "'prompt' is longer than 65536 bytes.", "prompt"),
        (
            {str(n): n for n in range(257)},
            "The body has more than 256 fields.",
            None,
        ),
        (
            asked(beam_size=[1, 2]),
            "Invalid 'beam_size': expected a whole number from 1 to 10, but got '[1, 2]'.",
            "beam_size",
        ),
    ],
)
async def test_refusals(
    served: Served, spool: Path, body: object, message: str, param: str | int | None
) -> None:
    answer = await post(served, body)
    detail = answer.json()["error"]
    assert (answer.status_code, detail["message"]) == (400, message)
    assert detail["param"] == ("input_audio.data" if param == 0 else param)
    assert left(spool) == []


async def test_a_body_that_is_too_large(
    served: Served, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_upload, "MAX_BODY_BYTES", 1000)
    answer = await post(served, asked())
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        413,
        f"Maximum content size limit (1000) exceeded ({len(json.dumps(asked()))} bytes read)",
    )
    assert left(spool) == []
