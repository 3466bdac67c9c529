"""What Wyoming's clients are told about this server, so that people can choose it by name.

Knows nothing about connections.
"""

from __future__ import annotations

import msgspec

from auricle import __version__
from auricle.speech_runtime import ModelStatus, SpeechRuntime
from auricle.whisper import languages


class Attribution(msgspec.Struct, frozen=True):
    name: str
    url: str


class AsrModel(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    attribution: Attribution = Attribution("OpenAI", "https://github.com/openai/whisper")
    installed: bool = True
    version: str | None = None
    languages: tuple[str, ...]


class AsrProgram(msgspec.Struct, frozen=True, kw_only=True):
    """``requires_external_vad``: whether the client has to find the end of a command."""

    name: str = "auricle"
    description: str = "Speech to text with Whisper models"
    attribution: Attribution = Attribution("Auricle", "")
    installed: bool = True
    version: str = __version__
    models: tuple[AsrModel, ...]
    supports_transcript_streaming: bool = True
    requires_external_vad: bool
    prefers_auto_gain_enabled: bool = False
    prefers_noise_reduction_enabled: bool = False


class Info(msgspec.Struct, frozen=True):
    """The data of an ``info`` event; this server offers nothing but speech to text."""

    asr: tuple[AsrProgram, ...]
    tts: tuple[()] = ()
    handle: tuple[()] = ()
    intent: tuple[()] = ()
    wake: tuple[()] = ()
    mic: tuple[()] = ()
    snd: tuple[()] = ()


async def info(runtime: SpeechRuntime) -> Info:
    """The models a command may name, the one the server was started with first."""
    models = tuple(_model(status) for status in await runtime.statuses())
    needs_vad = not runtime.settings.wyoming_vad
    return Info((AsrProgram(models=models, requires_external_vad=needs_vad),))


def _model(status: ModelStatus) -> AsrModel:
    known = status.languages or tuple(languages.NAMES)
    return AsrModel(name=status.name, description=f"Whisper {status.name}", languages=known)
