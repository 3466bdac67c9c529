"""Several programs on the same clips: the tables, the clips that were lost, and kept texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle_bench.clips import Clip
from auricle_bench.measurements import accuracy, compared, peer_texts
from auricle_bench.measurements.compared import Compared
from auricle_bench.measurements.peer_texts import PeerText, Run

RUN = Run("Auricle", "base", 5)
CLIPS = [
    Clip(Path("a.flac"), 1.0, "en", "red green blue gold"),
    Clip(Path("b.flac"), 1.0, "en", "high low"),
    Clip(Path("c.flac"), 1.0, "de", "sieben"),
    Clip(Path("d.flac"), 1.0, "zh", "你好"),
]


def texts(*said: str) -> dict[str, str]:
    return {clip.path.name: text for clip, text in zip(CLIPS, said, strict=True)}


def three(ours: dict[str, str]) -> Compared:
    return compared.compared(
        RUN,
        CLIPS,
        {
            "Auricle": ours,
            "early": texts("red green blue gold", "high", "acht", "你好"),
            "late": texts("red", "high low", "sieben", "你"),
        },
    )


LOSING = three(texts("red green", "high low", "sieben", "你好"))


def test_a_row_for_each_language_with_the_points_above_the_better_peer():
    table = compared.table(LOSING)
    assert table.caption == "**base, beam 5, language given:** error rate"
    assert table.header[3:] == ("Auricle", "early", "late", "points above the best (95 %)")
    assert table.rows == [
        ("en", "2", "6", "33.3%", "16.7%", "50.0%", "+16.7"),
        ("zh (characters)", "1", "2", "0.0%", "0.0%", "50.0%", "+0.0"),
        ("de", "1", "1", "0.0%", "100.0%", "0.0%", "+0.0"),
        ("all, words", "3", "7", "28.6%", "28.6%", "42.9%", "+0.0"),
    ]


def test_a_difference_in_many_clips_comes_with_its_interval():
    clips = [Clip(Path(f"{i}.flac"), 1.0, "en", "yes") for i in range(6)]
    ours = {clip.path.name: "no" for clip in clips}
    theirs = {clip.path.name: "yes" for clip in clips}
    [row] = compared.table(compared.compared(RUN, clips, {"Auricle": ours, "peer": theirs})).rows
    assert row == ("en", "6", "6", "100.0%", "0.0%", "+100.0 (+100.0 to +100.0)")


def test_clips_behind_either_peer_are_listed_with_their_reason():
    greedy = Run("Auricle", "base", 1)
    again = Compared(greedy, three(texts("red green blue gold", "", "", "你好")).scores)
    table = compared.losses([LOSING, again], {"a": "stops early"})
    assert table.caption == ("**base, clips behind by 2 or more:** errors")
    assert table.header == (
        "clip",
        "beam 5: Auricle / early / late",
        "greedy: Auricle / early / late",
        "why",
    )
    assert table.rows == [
        ("a", "2 / 0 / 3", "0 / 0 / 3", "stops early"),
        ("b", "0 / 1 / 0", "2 / 1 / 0", "not looked into"),
    ]
    assert compared.losses([three(CLIPS_SAID)], {}).rows == []


CLIPS_SAID = texts(*(clip.text or "" for clip in CLIPS))


def test_a_peer_that_heard_some_clips_is_compared_on_those():
    ours = texts("red green", "high low", "sieben", "你好")
    kept = {
        Run("faster-whisper", "base", 5): {
            name: PeerText(RUN, name, text, "1") for name, text in CLIPS_SAID.items()
        },
        Run("openai-whisper", "base", 5): {"a.flac": PeerText(RUN, "a.flac", "red", "1")},
    }
    whole, some = accuracy.beside(RUN, CLIPS, ours, kept)
    assert (list(whole.scores), len(whole.scores["Auricle"])) == (["Auricle", "faster-whisper"], 4)
    assert some.title == (
        "base, beam 5, language given, the 1 of 4 clips that openai-whisper has heard"
    )
    assert [(name, some.errors(name)) for name in some.scores] == [
        ("Auricle", [2]),
        ("faster-whisper", [0]),
        ("openai-whisper", [3]),
    ]
    assert accuracy.beside(RUN, CLIPS, ours, {}) == []


def test_how_often_each_side_is_behind():
    assert compared.balance(LOSING) == (
        "base, beam 5, language given: 2 or more errors above early on 1 clips, below it on 0; "
        "2 or more errors above late on 0 clips, below it on 0."
    )


def test_texts_show_what_differs_the_worst_first():
    assert compared.texts(LOSING)[:4] == [
        "base, beam 5, language given: a.flac (+2)",
        "  reference  red green blue gold",
        "  Auricle  red green",
        "    2: red green [-blue gold]",
    ]


def test_the_numbers_for_programs_name_every_program():
    found = compared.data(LOSING)
    assert found["clips"][0] == {
        "file": "a.flac",
        "n_units": 4,
        "Auricle": 2,
        "early": 0,
        "late": 3,
    }
    assert list(found["rates"]) == ["Auricle", "early", "late"]


def test_every_reason_is_for_a_model_that_is_compared():
    assert set(compared.reasons()) <= {"base", "tiny.en"}


def test_kept_texts_are_read_by_run_and_the_last_one_counts(tmp_path):
    path, other = tmp_path / "new" / "texts.tmp", Run("peer", "base", 1, detected=True)
    assert peer_texts.read(path) == {}
    first = PeerText(RUN, "a.flac", "one", "1.0")
    peer_texts.add([first, PeerText(other, "a.flac", "uno", "1.0")], path)
    peer_texts.add([PeerText(RUN, "a.flac", "two", "1.1")], path)
    assert peer_texts.read(path) == {
        RUN: {"a.flac": PeerText(RUN, "a.flac", "two", "1.1")},
        other: {"a.flac": PeerText(other, "a.flac", "uno", "1.0")},
    }
    assert (RUN.title, other.title) == (
        "base, beam 5, language given",
        "base, greedy, language detected",
    )


def test_a_line_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "texts.tmp"
    path.write_text('{"file": "a.flac"}\n')
    with pytest.raises(SystemExit, match=r"texts\.tmp, line 1: .*`run`"):
        peer_texts.read(path)
