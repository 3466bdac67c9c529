"""Error rates over several conversations, weighted by their speech, the real ones apart."""

from __future__ import annotations

import json

import pytest

from auricle.speakers.turns import Turn
from auricle_bench.measurements import speakers
from auricle_bench.measurements.setup import Setup
from auricle_bench.measurements.speakers import Conversation
from auricle_bench.speaker_errors import DiarizationErrors, WordErrors


def errors(
    speech_s: float, missed_s: float = 0.0, false_alarm_s: float = 0.0, n_hypothesis: int = 2
) -> DiarizationErrors:
    return DiarizationErrors(speech_s, missed_s, false_alarm_s, 0.0, 2, n_hypothesis)


def conversation(name: str, plain: DiarizationErrors, words: WordErrors | None) -> Conversation:
    return Conversation(name, (plain, errors(plain.speech_s)), errors(10, 1), words, 60.0, 2.0)


def test_figures():
    pair = [
        conversation("ami_1", errors(10, 1, 2, 3), None),
        conversation("syn_1", errors(30, 1), WordErrors(40, 1)),
    ]
    summary, other, listed = speakers.figures_of(pair, 300_000_000).tables
    assert summary.rows[:3] == [
        ("**all**", "10.0%", "0.0%", "5.0%", "5.0%", "0.0%", "1 of 2", "10.0%"),
        ("**real**", "30.0%", "0.0%", "10.0%", "20.0%", "0.0%", "0 of 1", "10.0%"),
        ("**made**", "3.3%", "0.0%", "3.3%", "0.0%", "0.0%", "1 of 1", "10.0%"),
    ]
    assert [row[1] for row in other.rows] == ["2.5% of 40", "30.0 s", "300 MB"]
    assert [(row[0], *row[-3:]) for row in listed.rows] == [
        ("ami_1", "2", "3", "10.0%"),
        ("syn_1", "2", "2", "10.0%"),
    ]
    assert {len(table.header) for table in (summary, listed)} == {len(summary.rows[0]), 9}


def test_words_go_by_turns(tmp_path):
    path = tmp_path / "talk.words.json"
    said = [("Hi,", 0.0, 0.4, "a"), ("Bob.", 0.4, 0.8, "a"), ("Hi!", 1.0, 1.4, "b")]
    keys = ("word", "start", "end", "speaker")
    path.write_text(json.dumps([dict(zip(keys, each, strict=True)) for each in said]))
    turns = [Turn(0.0, 0.9, 0), Turn(0.9, 2.0, 1)]
    assert speakers._word_errors(path, turns) == WordErrors(3, 0)
    assert speakers._word_errors(path, [Turn(0.0, 2.0, 0)]) == WordErrors(3, 1)
    assert speakers._word_errors(tmp_path / "none.words.json", turns) is None


def test_a_folder_must_be_named(tmp_path):
    with pytest.raises(SystemExit, match="make bench CORPUS=DIR"):
        speakers.run(Setup(scratch=tmp_path))
