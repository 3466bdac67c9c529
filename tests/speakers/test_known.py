"""Voices get the names of references that are like them, and none where nothing is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auricle.errors import InvalidRequest
from auricle.speakers.diarization import Voices
from auricle.speakers.known import KnownVoice, known_voice, names
from auricle.speakers.turns import Turn


def toward(*parts: tuple[int, float]) -> np.ndarray:
    """A unit vector with these cosines to axes, the rest on an axis of its own."""
    vector = np.zeros(192, np.float32)
    for axis, cosine in parts:
        vector[axis] = cosine
    vector[100 + parts[0][0]] = np.sqrt(max(0.0, 1 - (vector**2).sum()))
    return vector


ANN, BOB = (KnownVoice(name, toward((axis, 1.0))) for axis, name in enumerate(("Ann", "Bob")))


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        ([toward((1, 0.8)), toward((0, 0.7))], ["Bob", "Ann"]),
        ([toward((0, 0.45))], [None]),
        ([toward((0, 0.9)), toward((0, 0.6))], ["Ann", None]),
        ([toward((0, 0.65), (1, 0.6)), toward((0, 0.7))], ["Bob", "Ann"]),
        ([], []),
    ],
    ids=["each its own", "unknown", "one name once", "most alike in sum", "nobody"],
)
def test_names(voices, expected):
    embeddings = np.array(voices, np.float32).reshape(len(voices), 192)
    assert names(embeddings, [ANN, BOB]) == expected


def test_no_references():
    assert names(np.stack([toward((0, 1.0))]), []) == [None]


def reference(*seconds: float) -> Voices:
    turns, start_s = [], 0.0
    for speaker, length_s in enumerate(seconds):
        turns.append(Turn(start_s, start_s + length_s, speaker))
        start_s += length_s
    return Voices(tuple(turns), np.eye(192, dtype=np.float32)[: len(seconds)])


def test_a_reference_is_its_main_voice():
    voice = known_voice("Ann", reference(0.3, 4.0), "known_speaker_references[0]")
    assert voice.name == "Ann"
    assert voice.embedding.argmax() == 1


def test_a_noisy_reference_is_used_with_a_warning():
    noisy = replace(reference(3.0), range_db=7.0)
    clean = replace(reference(3.0), range_db=12.0)
    found = known_voice("Ann", noisy, "known_speaker_references[0]")
    assert found.embedding.argmax() == 0
    assert found.warning == (
        "The reference for 'Ann' is noisy: loud speech is 7 dB above the rest of it, less than 12; "
        "a cleaner one is recognised more surely."
    )
    assert known_voice("Ann", clean, "known_speaker_references[0]").warning is None


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ((), "has 0.0 s of speech; 1 s are needed"),
        ((0.7,), "has 0.7 s of speech"),
        ((2.0, 1.0), "has 2 voices; it must have one"),
    ],
)
def test_references_that_will_not_do(seconds, message):
    with pytest.raises(InvalidRequest, match=message) as refused:
        known_voice("Ann", reference(*seconds), "known_speaker_references[0]")
    assert refused.value.param == "known_speaker_references[0]"
    assert refused.value.code == "invalid_value"
