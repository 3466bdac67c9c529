"""What the same server makes of the same sound when it gets it whole: how right live text could be.

Knows nothing about live streams. It is asked as OpenAI's Audio API is.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

import httpx2
import msgspec
import numpy as np

from auricle.cli.listening.remote_options import RemoteOptions
from auricle.errors import AuricleError
from auricle.types import SAMPLE_RATE, Pcm
from auricle_bench.accuracy import score
from auricle_bench.live.played import Played

TIMEOUT_S = 600.0


class _Answer(msgspec.Struct, frozen=True):
    text: str


def error_rate(asked: RemoteOptions, played: Sequence[Played]) -> float:
    """Errors in the words of what streams play, each sent whole.

    Raises:
        AuricleError: the server does not answer with a text.
    """
    base = asked.url.rstrip("/").removesuffix("/v1")
    headers = {"authorization": f"Bearer {asked.key}"} if asked.key else {}
    form = {"model": asked.model, "response_format": "json"}
    if asked.language:
        form["language"] = asked.language
    n_words = n_errors = 0
    with httpx2.Client(base_url=base, headers=headers, timeout=TIMEOUT_S) as client:
        for each in played:
            files = {"file": ("stream.wav", _wav(each.pcm), "audio/wav")}
            try:
                answer = client.post("/v1/audio/transcriptions", data=form, files=files)
                answer.raise_for_status()
                text = msgspec.json.decode(answer.content, type=_Answer).text
            except (httpx2.HTTPError, msgspec.DecodeError) as exc:
                raise AuricleError(f"no text of whole recordings from {base}: {exc}") from exc
            counted = score(each.reference.text, text, each.reference.language)
            n_words += counted.n_units
            n_errors += counted.n_errors
    return n_errors / max(n_words, 1)


def _wav(pcm: Pcm) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
