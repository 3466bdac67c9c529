"""Real weights: when words are spoken, and how probable tokens are, alone and in company."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from auricle.engine.ct2 import Whisper
from auricle.engine.protocol import DecodeJob, DecodeRow, EncodeJob, EncodeRow, WindowText
from auricle.types import Pcm, Task, Word
from tests.audio_files import JFK_WORDS, SAMPLES, read_wav, words

pytestmark = pytest.mark.model

JFK = read_wav(SAMPLES / "jfk.wav")
SPANISH = read_wav(SAMPLES / "es.wav")

JFK_STARTS_S = {0: 0.33, 5: 3.25, 7: 5.38, 14: 8.15}
JFK_ENDS_S = {4: 2.15, 6: 4.33, 13: 7.6}
"""Where the voice begins after a pause and stops before one, by the number of the word."""


def _encode(
    model: Whisper,
    window_id: int,
    pcm: Pcm,
    n_frames: int,
    prompt: str | None = None,
    prefix: str | None = None,
) -> None:
    row = EncodeRow(window_id, np.ascontiguousarray(pcm).tobytes(), prompt, prefix=prefix)
    model.encode(EncodeJob((row,), n_frames))


def _row(
    window_id: int,
    pcm: Pcm,
    start_s: float = 0.0,
    language: str = "en",
    task: Task = "transcribe",
) -> DecodeRow:
    duration_s = len(pcm) / 16_000
    return DecodeRow(window_id, start_s, duration_s, language, task, words=True, logprobs=True)


def _told(text: WindowText) -> list[Word]:
    return [word for segment in text.segments for word in segment.words or ()]


def _check(text: WindowText, row: DecodeRow) -> None:
    """What holds for every answer with words and token probabilities."""
    for segment in text.segments:
        assert segment.words is not None
        assert segment.logprobs is not None
        assert "".join(word.text for word in segment.words) == segment.text
        raw = b"".join(token.raw for token in segment.logprobs)
        assert raw.decode("utf-8", "replace").rstrip() == segment.text
        assert (segment.start_s, segment.end_s) == (
            segment.words[0].start_s,
            segment.words[-1].end_s,
        )
        assert all(0 < word.probability <= 1 for word in segment.words)
        assert all(token.logprob <= 0 for token in segment.logprobs)
    told = _told(text)
    assert all(word.start_s < word.end_s for word in told)
    assert all(one.end_s <= other.start_s for one, other in itertools.pairwise(told))
    assert row.start_s <= told[0].start_s
    assert told[-1].end_s <= row.start_s + row.duration_s


@pytest.mark.parametrize(("name", "n_frames"), [("tiny", 1750), ("base", 3000)])
def test_known_words_are_found_where_they_are(
    name: str, n_frames: int, request: pytest.FixtureRequest
) -> None:
    """A short context and a full one: the windows of both end long before the frames."""
    model = request.getfixturevalue(name)
    _encode(model, 1, JFK, n_frames)
    row = _row(1, JFK, start_s=3600.0)
    [text] = model.decode(DecodeJob((row,), 1, 0.0)).windows
    _check(text, row)
    told = _told(text)
    assert words("".join(word.text for word in told)) == JFK_WORDS
    for n, start_s in JFK_STARTS_S.items():
        assert told[n].start_s - 3600 == pytest.approx(start_s, abs=0.15)
    for n, end_s in JFK_ENDS_S.items():
        assert told[n].end_s - 3600 == pytest.approx(end_s, abs=0.15)


def test_words_and_probabilities_are_the_same_alone_and_in_company(tiny: Whisper) -> None:
    clips = [JFK, JFK[: 6 * 16_000], np.roll(JFK, 8_000)]
    for n, pcm in enumerate(clips):
        _encode(tiny, n, pcm, 2000)
    rows = [_row(n, pcm) for n, pcm in enumerate(clips)]
    alone = [tiny.decode(DecodeJob((row,), 5, 0.0)).windows[0].segments for row in rows]
    together = [text.segments for text in tiny.decode(DecodeJob(tuple(rows), 5, 0.0)).windows]
    assert [[(s.words, s.logprobs) for s in segments] for segments in together] == [
        [(s.words, s.logprobs) for s in segments] for segments in alone
    ]


def test_only_what_is_asked_for_is_told(tiny: Whisper) -> None:
    _encode(tiny, 1, JFK, 1750)
    plain = DecodeRow(1, 0.0, 11.0, "en", "transcribe")
    words_only = DecodeRow(1, 0.0, 11.0, "en", "transcribe", words=True)
    told = [tiny.decode(DecodeJob((row,), 1, 0.0)).windows[0] for row in (plain, words_only)]
    assert [(s.words, s.logprobs) for s in told[0].segments] == [(None, None)] * 2
    assert all(s.words and s.logprobs is None for s in told[1].segments)
    assert [s.text for s in told[0].segments] == [s.text for s in told[1].segments]


def test_probabilities_agree_with_those_of_generation(tiny: Whisper) -> None:
    """The mean of the window also counts timestamps and the end, which are less certain; the
    reference takes token probabilities from the alignment as well."""
    _encode(tiny, 1, JFK, 3000)
    [text] = tiny.decode(DecodeJob((_row(1, JFK),), 1, 0.0)).windows
    tokens = [token for segment in text.segments for token in segment.logprobs or ()]
    assert text.avg_logprob <= np.mean([token.logprob for token in tokens]) <= 0
    n_all = sum(len(segment.tokens) for segment in text.segments) + 1
    of_text = sum(token.logprob for token in tokens)
    assert text.avg_logprob * n_all <= of_text + 0.5
    assert text.avg_logprob * n_all == pytest.approx(of_text, abs=1.0 * (n_all - len(tokens)))
    word = _told(text)[0]
    assert word.probability == pytest.approx(math.exp(tokens[0].logprob), rel=1e-4)


def test_a_translation_has_words_in_english(base: Whisper) -> None:
    _encode(base, 1, SPANISH, 1500)
    row = _row(1, SPANISH, start_s=20.0, language="es", task="translate")
    [text] = base.decode(DecodeJob((row,), 5, 0.0)).windows
    _check(text, row)
    assert "recording" in "".join(word.text for word in _told(text))


def test_words_of_a_language_written_without_spaces(base: Whisper) -> None:
    """Whatever base makes of Spanish told that it is Chinese: its words are still the text."""
    _encode(base, 1, SPANISH, 1500)
    row = _row(1, SPANISH, language="zh")
    [text] = base.decode(DecodeJob((row,), 1, 0.0)).windows
    _check(text, row)


def test_guidance_does_not_move_words(tiny: Whisper) -> None:
    plain = _row(1, JFK)
    _encode(tiny, 1, JFK, 1750)
    [before] = tiny.decode(DecodeJob((plain,), 5, 0.0)).windows
    _encode(tiny, 1, JFK, 1750, prompt="A speech. " * 200, prefix="And so, my fellow")
    [guided] = tiny.decode(DecodeJob((plain,), 5, 0.0)).windows
    _check(guided, plain)
    starts = [[word.start_s for word in _told(text)] for text in (before, guided)]
    assert starts[1] == pytest.approx(starts[0], abs=0.2)
