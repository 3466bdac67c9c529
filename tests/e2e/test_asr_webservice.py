"""What Bazarr sends, on real weights: bare samples, for their language, then for subtitles."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from tests.e2e.conftest import Real

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

SAMPLES = Path(__file__).parents[2] / "samples"


def bare_samples(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, 16_000)
        samples: bytes = file.readframes(file.getnframes())
    return samples


async def test_samples_of_a_film(multilingual: Real):
    files = {"audio_file": ("audio_file", bare_samples(SAMPLES / "es.wav"))}
    async with multilingual.http() as http:
        language = await http.post("/detect-language", params={"encode": "false"}, files=files)
        subtitles = await http.post(
            "/asr",
            params={"task": "transcribe", "language": "es", "output": "srt", "encode": "false"},
            files=files,
        )
    found = language.json()
    assert (found["language_code"], found["detected_language"]) == ("es", "spanish")
    assert found["confidence"] > 0.9
    assert subtitles.text.startswith("1\n00:00:00,")
    assert "dominio público" in " ".join(subtitles.text.split())
