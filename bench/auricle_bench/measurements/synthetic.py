"""Sentences spoken by eSpeak NG, which says when it speaks each word.

Knows nothing about who listens. Run as a module with FOLDER, it writes recordings there, and a
``refs.jsonl`` with words. A word lasts until the next one begins, or until a pause does.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from auricle_bench.measurements import recordings
from auricle_bench.measurements.recordings import Samples

SENTENCES = {
    "en": (
        "The old bridge was closed because the river had risen during the night.",
        "My sister bought three tickets, but only two friends came to the theatre.",
        "Every morning the baker opens his window and sells fresh bread to his neighbours.",
        "When the rain stopped, the children ran outside and played until dinner.",
        "A long letter from France arrived yesterday, and nobody wanted to open it.",
        "The train to London leaves in twenty minutes, so we should hurry.",
        "Nobody knew why the tall man carried a yellow umbrella every summer.",
        "His brother studies music, while her cousin repairs broken clocks.",
        "We walked along the quiet beach until the sun went down.",
        "The teacher smiled, closed the heavy book and told another story.",
    ),
    "de": (
        "Der alte Mann ging langsam über die Brücke und schaute auf das Wasser.",
        "Am Morgen trinken wir Kaffee, und danach fahren die Kinder zur Schule.",
        "Meine Schwester hat gestern einen langen Brief aus Berlin bekommen.",
        "Wenn es morgen regnet, bleiben wir zu Hause und lesen ein Buch.",
        "Der Zug nach Hamburg fährt heute leider zwanzig Minuten später.",
        "Im Sommer ist der Garten voller Blumen, und die Abende sind warm.",
    ),
    "es": (
        "Por la mañana, mi padre abre la ventana y mira los árboles del jardín.",
        "Hemos comprado pan, queso y una botella de leche para la cena.",
        "La niña busca su gato en la casa de sus abuelos.",
        "Mañana el tren para Madrid sale con veinte minutos de retraso.",
        "Cuando empieza la lluvia, todo el mundo entra en la sala.",
        "Esta carta llegó ayer, pero nadie quiere leer las noticias.",
    ),
}
VOICES = {"en": b"en-us", "de": b"de", "es": b"es"}
"""French is left out: of that voice, base hears 28 words of 69."""

PAUSE_S = 0.5
"""Silence before and after each sentence."""

# From speak_lib.h of eSpeak NG.
_SYNCHRONOUS, _PHONEME_EVENTS, _CHARACTERS, _UTF8 = 2, 1, 1, 1
_LAST, _WORD, _PHONEME = 0, 1, 7
_PAUSE = b"_"


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("phoneme", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Speaker:
    """The library, which has one voice at a time, and calls back with samples and events."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS)
        self._pcm = bytearray()
        self._words: list[tuple[slice, int, int | None]] = []
        self._take = _Callback(self._taken)  # the library does not keep it alive
        self._library.espeak_SetSynthCallback(self._take)

    def say(self, text: str, voice: bytes) -> tuple[Samples, list[tuple[str, float, float]]]:
        """What it sounds like, and its words with when they start and end.

        Raises:
            SystemExit: there is no such voice, or it speaks two words as one.
        """
        self._pcm.clear()
        self._words.clear()
        if self._library.espeak_SetVoiceByName(voice) != 0:
            raise SystemExit(f"eSpeak NG has no voice {voice!r}")
        content = text.encode()
        size = ctypes.c_size_t(len(content) + 1)
        self._library.espeak_Synth(content, size, 0, _CHARACTERS, 0, _UTF8, None, None)
        samples = np.frombuffer(bytes(self._pcm), np.int16)
        words = [
            (text[place], start / self.rate, (len(samples) if end is None else end) / self.rate)
            for place, start, end in self._words
        ]
        if [word for word, _, _ in words] != re.findall(r"\w+", text):
            raise SystemExit(f"eSpeak NG joins words of: {text}")
        return samples, words

    def _taken(self, pcm: Any, n_samples: int, events: Any) -> int:
        """Some samples, and a list of events that one of the kind `_LAST` ends."""
        self._pcm += ctypes.string_at(pcm, 2 * n_samples) if pcm else b""
        for event in takewhile(lambda each: each.type != _LAST, map(events.__getitem__, count())):
            if event.type == _WORD:
                self._end_word(event.sample)
                first = event.text_position - 1
                self._words.append((slice(first, first + event.length), event.sample, None))
            elif event.type == _PHONEME and event.id.phoneme.startswith(_PAUSE):
                self._end_word(event.sample)
            elif event.type == _PHONEME and self._words:
                self._words[-1] = (*self._words[-1][:2], None)  # the pause was inside the word
        return 0

    def _end_word(self, sample: int) -> None:
        """The first thing after a word's last sound is its end."""
        if self._words and self._words[-1][2] is None:
            self._words[-1] = (*self._words[-1][:2], sample)


def main() -> None:
    folder = Path(sys.argv[1])
    speaker = _Speaker()
    pause = np.zeros(round(PAUSE_S * speaker.rate), np.int16)
    lines = []
    for language, texts in SENTENCES.items():
        for i, text in enumerate(texts):
            spoken, words = speaker.say(text, VOICES[language])
            samples = np.concatenate([pause, spoken, pause])
            name = f"{language}-{i}.wav"
            recordings.write_wav(folder / name, samples, speaker.rate)
            line = {
                "file": name,
                "language": language,
                "text": text,
                "duration_s": len(samples) / speaker.rate,
                "words": [(word, start + PAUSE_S, end + PAUSE_S) for word, start, end in words],
            }
            lines.append(json.dumps(line) + "\n")
    (folder / "refs.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
