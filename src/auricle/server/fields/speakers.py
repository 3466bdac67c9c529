"""What a request says about speakers: whether it wants to know them, how many there are, and who
they may be.

Knows nothing about how voices are told apart, or how a form is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auricle.output.formats import KINDS
from auricle.output.speaker_bodies import UNKNOWN
from auricle.server.fields.form import refuse, refuse_both
from auricle.types import KnownVoice, SpeakerOptions

MODEL: Final = "gpt-4o-transcribe-diarize"
"""OpenAI's name of a model that tells speakers apart; any of its versions is meant."""

FORMATS: Final = tuple(name for name, kind in KINDS.items() if kind.shows_speakers)
"""Formats in which an answer can say who speaks."""

_OF_VOICES: Final = (
    "num_speakers",
    "min_speakers",
    "max_speakers",
    "known_speaker_names",
    "known_speaker_references",
    "speaker_embeddings",
)
"""Fields that say something about voices, or ask for it."""

_BY_MODEL: Final = tuple(name for name in FORMATS if name != "text")
"""Those in which it does for that model, unasked: OpenAI's json and text of it are plain."""


def is_wanted(given: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether the answer is to say who speaks.

    Raises:
        InvalidRequest: it is wanted in a format that cannot say it, or unwanted in one that must.
    """
    wanted = values["response_format"]
    asked = given.get("diarize")
    if values["channels"] == "separate":
        if asked is False:
            refuse_both("diarize", "channels", "'separate' takes channels for speakers")
        _check_format("channels", wanted)
        return True
    if wanted == "diarized_json":
        if asked is False:
            refuse_both("diarize", "response_format", "'diarized_json' says who speaks")
        return True
    if asked:
        _check_format("diarize", wanted)
    if asked is not None:
        return bool(asked)
    return names_model(given["model"]) and wanted in _BY_MODEL


def _check_format(name: str, wanted: str) -> None:
    if wanted not in FORMATS:
        listed = ", ".join(f"'{each}'" for each in FORMATS)
        refuse(name, f"it needs response_format {listed}, but that is '{wanted}'.")


def names_model(model: str) -> bool:
    """Whether a model's name asks for speakers."""
    return model.strip().lower().removeprefix("openai/").startswith(MODEL)


def options(values: Mapping[str, Any]) -> SpeakerOptions:
    """How many speakers there are, and who may be among them.

    Raises:
        InvalidRequest: numbers contradict each other, or names and references do not match.
    """
    if values["channels"] == "separate":
        for name in _OF_VOICES:
            if values[name]:
                refuse_both("channels", name, "with 'separate' each channel is a speaker")
        return SpeakerOptions(by_channel=True)
    n, least, most = (values[f"{name}_speakers"] for name in ("num", "min", "max"))
    for name, low, other, high in (
        ("min_speakers", least, "num_speakers", n),
        ("num_speakers", n, "max_speakers", most),
        ("min_speakers", least, "max_speakers", most),
    ):
        if low and high and low > high:
            refuse(name, f"got {low}, but {other} is {high}; it may be {high} at most.")
    return SpeakerOptions(n or least or 1, n or most or None, _known(values))


def _known(values: Mapping[str, Any]) -> tuple[KnownVoice, ...]:
    names = values["known_speaker_names"]
    references = values["known_speaker_references"]
    if len(names) != len(references):
        refuse(
            "known_speaker_references",
            "each of known_speaker_names needs one, in the same order, but there are "
            f"{len(references)} for {len(names)}.",
        )
    if UNKNOWN in names:
        refuse(
            "known_speaker_names",
            f"got '{UNKNOWN}', which is what answers call whom no voice was heard with; any other "
            "name will do.",
        )
    return tuple(KnownVoice(*each) for each in zip(names, references, strict=True))
