"""Who said what, measured: references that name speakers, scores, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.errors import AuricleError
from auricle.server.fields import audio_request
from auricle.settings.config import Settings
from auricle.speakers.turns import NamedTurn
from auricle_bench import datasets, evaluation_report, speaker_scores
from auricle_bench.clips import Clip
from auricle_bench.commands import systems
from auricle_bench.evaluation import run_of
from auricle_bench.speaker_errors import DiarizationErrors, WordErrors
from auricle_bench.speaker_references import SpeakerLine, SpokenText, spoken, turns_beside
from auricle_bench.speaker_scores import SpeakerScore
from auricle_bench.target import Answer, Target, with_speakers
from tests.bench.test_datasets import put, record

TALK = (SpeakerLine("Ann", "Is it late?"), SpeakerLine("Bob", "Not yet."))
TURNS = (NamedTurn(0.0, 1.0, "Ann"), NamedTurn(1.0, 2.0, "Bob"))
RTTM = (
    "SPEAKER talk 1 0.0 1.0 <NA> <NA> Ann <NA> <NA>\nSPEAKER talk 1 1.0 1.0 <NA> <NA> Bob <NA> <NA>"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann\t0.0\t1.0\tIs it late?\n\nBob\t1.0\t2.0\tNot yet.\n", SpokenText(TALK, TURNS)),
        ("Ann: Is it late?\nBob: Not yet.\n", SpokenText(TALK)),
        ("Note: it is late.", None),
        ("Ann: Is it late?\nNot yet.\n", None),
        ("Is it late? Not yet.", None),
        ("", None),
    ],
)
def test_texts_that_name_speakers(text: str, expected: SpokenText | None):
    assert spoken(text) == expected


def test_a_folder_of_conversations(tmp_path: Path):
    record(*(tmp_path / f"{name}.wav" for name in ("lines", "plain", "timed")))
    put(
        tmp_path,
        lines__txt="Ann: Is it late?\nBob: Not yet.",
        timed__txt="Ann\t0.0\t0.5\tIs it late?\nBob\t0.5\t1.0\tNot yet.",
        plain__txt="Is it late?",
        lines__rttm=RTTM,
    )
    said = "Is it late? Not yet."
    half = (NamedTurn(0.0, 0.5, "Ann"), NamedTurn(0.5, 1.0, "Bob"))
    assert datasets.read(tmp_path) == [
        Clip(tmp_path / "lines.wav", 1.0, None, said, turns=TURNS, said=TALK),
        Clip(tmp_path / "plain.wav", 1.0, None, "Is it late?"),
        Clip(tmp_path / "timed.wav", 1.0, None, said, turns=half, said=TALK),
    ]


def test_a_folder_that_says_only_who_speaks_when(tmp_path: Path):
    """What is heard in it is no error; beside recordings with a text such a one is not left out."""
    record(tmp_path / "talk.wav", tmp_path / "text.wav")
    put(tmp_path, talk__rttm=RTTM, talk__rttm_segments=RTTM)
    talk = Clip(tmp_path / "talk.wav", 1.0, None, None, turns=TURNS)
    assert datasets.read(tmp_path) == [talk]
    put(tmp_path, text__txt="Is it late?")
    text = Clip(tmp_path / "text.wav", 1.0, None, "Is it late?")
    assert datasets.read(tmp_path) == [talk, text]
    heard = Answer("200", "Is it late? Not yet.", said=TALK, turns=TURNS)
    run = run_of("server", [talk], {talk: heard}, 1.0)
    assert run.scores[0].errors.n_errors == 0
    assert run.scores[0].errors.n_units == 0
    assert run.scores[0].speakers is not None
    assert run.scores[0].speakers.turns == DiarizationErrors(2.0, 0.0, 0.0, 0.0, 2, 2)


def test_rttm_that_is_none(tmp_path: Path):
    put(tmp_path, talk__rttm="SPEAKER talk 1 zero 1.0 <NA> <NA> Ann <NA> <NA>")
    with pytest.raises(AuricleError, match=r"talk\.rttm: line 1 of the RTTM has 'zero' where"):
        turns_beside(tmp_path / "talk.wav")


CLIP = Clip(Path("talk"), 2.0, "en", "Is it late? Not yet.", turns=TURNS, said=TALK)
HEARD = Answer(
    "200",
    "Is it late? Not yet.",
    turns=(NamedTurn(0.0, 1.5, "A"), NamedTurn(1.5, 2.0, "B")),
    said=(SpeakerLine("A", "Is it late? Not"), SpeakerLine("B", "yet.")),
)


def test_scores_of_a_recording():
    found = speaker_scores.score_of(CLIP, HEARD, "en")
    assert found is not None
    assert found.turns == DiarizationErrors(2.0, 0.0, 0.0, 0.5, 2, 2)
    assert found.words == WordErrors(5, 1)
    assert speaker_scores.score_of(CLIP, Answer("200", "Is it late?"), "en") is None
    assert speaker_scores.score_of(Clip(Path("x"), 2.0, "en", "Hm."), HEARD, "en") is None


def test_all_together():
    other = DiarizationErrors(6.0, 0.5, 0.5, 0.0, 2, 3)
    first = speaker_scores.score_of(CLIP, HEARD, "en")
    assert first is not None
    row = speaker_scores.row([first, SpeakerScore(other, other, None)])
    assert row is not None
    assert (row.diarization_error_rate, row.missed, row.confused) == (0.1875, 0.0625, 0.0625)
    assert (row.n_clips, row.n_counted, row.n_right, row.n_words) == (2, 2, 1, 5)
    assert row.word_diarization_error_rate == 0.2
    assert speaker_scores.row([]) is None
    words_alone = speaker_scores.row([SpeakerScore(None, None, WordErrors(4, 1))])
    assert words_alone is not None
    assert (words_alone.diarization_error_rate, words_alone.word_diarization_error_rate) == (
        None,
        0.25,
    )


def test_the_report():
    lines = list(evaluation_report.of_run(run_of("x", [CLIP], {CLIP: HEARD}, 1.0), 0))
    head = "speakers DER collar 0.25 s missed false alarm confused number right words WDER"
    figures = "1 clip 25.00% 25.00% 0.00% 0.00% 25.00% 1 of 1 5 20.00%"
    assert [" ".join(line.split()) for line in lines[3:5]] == [head, figures]
    plain = run_of("x", [CLIP], {CLIP: Answer("200", "Is it late?")}, 1.0)
    assert not any("DER" in line for line in evaluation_report.of_run(plain, 0))


def test_what_servers_answer():
    segments = [
        {"start": 0.0, "end": 1.5, "speaker": "A", "text": "Is it late? Not"},
        {"start": 1.5, "end": 2.0, "speaker": "B", "text": "yet."},
    ]
    assert with_speakers(Answer("200", HEARD.text), segments) == HEARD
    assert with_speakers(Answer("200", "Hm."), [{"text": "Hm."}]) == Answer("200", "Hm.")


def test_how_speakers_are_asked_for():
    local = systems.diarizing(systems.local(Settings(), (), detect_language=False))
    assert isinstance(local, systems.Local)
    asked = audio_request.parse(local.pairs(CLIP), "transcribe", Settings())
    assert asked.options.speakers is not None
    remote = systems.diarizing(systems.Remote(Target("http://a"), "a"))
    assert isinstance(remote, systems.Remote)
    assert remote.target.form(CLIP)["response_format"] == "diarized_json"
