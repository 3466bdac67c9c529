"""Scores by language, comparisons that say how sure they are, and how both are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auricle_bench import evaluation, evaluation_report
from auricle_bench.accuracy import differences, score_characters
from auricle_bench.clips import Clip
from auricle_bench.evaluation import Row, Run, compare, pairs, rows, run_of, worst
from auricle_bench.summary import Rate
from auricle_bench.target import Answer


def clip(name: str, text: str, language: str | None = "en") -> Clip:
    return Clip(Path(name), 2.0, language, text)


def run(name: str, *heard: tuple[Clip, str | None]) -> Run:
    """``None`` was not answered."""
    clips = [each for each, _ in heard]
    answers = {
        each: Answer("200", text) if text is not None else Answer("500", complaint="no")
        for each, text in heard
    }
    return run_of(name, clips, answers, 0.5)


RED, BLUE = clip("red", "red green gold"), clip("blue", "Blue, white.")
EINS, HAO = clip("eins", "eins zwei", "de"), clip("hao", "你好 吗", "zh")
FIRST = run("one", (RED, "red green gold"), (EINS, "eins drei"), (HAO, "你们"), (BLUE, "blue"))


def test_a_row_for_each_language_and_one_for_all_that_are_alike():
    assert rows(FIRST.scores) == [
        Row("de", 1, Rate("words", 2, 1), Rate("characters", 9, 2)),
        Row("en", 2, Rate("words", 5, 1), Rate("characters", 24, 6)),
        Row("zh", 1, Rate("characters", 3, 2), Rate("characters", 3, 2)),
        Row("all, words", 3, Rate("words", 7, 2), Rate("characters", 33, 8)),
    ]


def test_what_failed_and_what_was_not_reached_count_for_nothing():
    answers = {RED: Answer("200", "red"), BLUE: Answer("500", complaint="no")}
    part = run_of("x", [RED, BLUE, EINS], answers, 0.5)
    assert (part.n_clips, len(part.scores), part.failures) == (3, 1, {"blue": "500: no"})
    assert (part.audio_s, part.real_time_factor) == (2.0, 0.25)
    assert run_of("x", [RED], {}, 0.0).real_time_factor == 0.0


def test_a_language_nobody_named_has_the_normaliser_for_all():
    (score,) = run("x", (clip("a", "I can't.", None), "i cannot")).scores
    assert (score.language, score.errors) == ("?", Rate("words", 3, 2))


def test_worst_have_most_errors_and_none_is_without():
    assert [score.file for score in worst(FIRST.scores, 9)] == ["hao", "eins", "blue"]
    assert [score.file for score in worst(FIRST.scores, 1)] == ["hao"]


def test_a_comparison_counts_clips_that_both_answered():
    second = run("two", (RED, "red"), (EINS, "eins zwei"), (HAO, None), (BLUE, "blue"))
    (de, en, everything) = compare(pairs(FIRST, second))
    assert (de.group, de.n_better, de.n_worse, de.difference) == ("de", 1, 0, -0.5)
    assert (en.n_clips, en.first, en.second) == (2, Rate("words", 5, 1), Rate("words", 5, 3))
    assert (everything.group, everything.n_better, everything.n_worse) == ("all, words", 1, 1)
    assert en.low <= en.difference <= en.high


def test_a_difference_is_certain_only_when_most_clips_agree():
    clips = [clip(str(number), "go do me so") for number in range(40)]
    good = run("good", *((each, "go do me so") for each in clips))
    bad = run("bad", *((each, "go do me") for each in clips))
    mixed = run("mixed", *((each, f"go do me {'x' * (i == 7) or 'so'}")
                           for i, each in enumerate(clips)))  # fmt: skip
    (always,), (rarely,) = compare(pairs(good, bad)), compare(pairs(good, mixed))
    assert (always.difference, always.low, always.high) == (0.25, 0.25, 0.25)
    assert always.is_certain
    assert (rarely.n_worse, rarely.is_certain) == (1, False)
    assert compare(pairs(good, mixed)) == [rarely], "not the same for the same seed"


@pytest.mark.parametrize(
    ("said", "heard", "language", "expected"),
    [
        ("a b c", "a b c", "en", "no difference"),
        ("a b c", "a x c", "en", "a [b → x] c"),
        ("a b c", "a c", "en", "a [-b] c"),
        ("a c", "a b c", "en", "a [+b] c"),
        ("go do", "", "en", "[-go do]"),
        (
            "b c d e f g h i j k l m n o",
            "x b c d e f g h i j k l m n y",
            "de",
            "[+x] b c d e … k l m n [o → y]",
        ),
        ("你好吗", "你们吗", "zh", "你[好 → 们]吗"),
    ],
)
def test_differences_are_in_brackets(said, heard, language, expected):
    assert differences(said, heard, language) == expected


def test_characters_are_counted_with_the_spaces_between_words():
    assert score_characters("Ab cd.", "ab cde", "en") == Rate("characters", 5, 1)
    assert score_characters("你 好", "你好", "zh") == Rate("characters", 2, 0)


def test_a_run_as_text():
    answered = run("mine", (RED, "red"), (clip("a", "x", None), "x"), (BLUE, None))
    assert list(evaluation_report.of_run(answered, 5)) == [
        "mine (2 of 3 clips)",
        "  language    clips  words     WER     CER",
        "  ?               1      1   0.00%   0.00%",
        "  en              1      3  66.67%  78.57%",
        "  all, words      2      4  50.00%  73.33%",
        "  4 s of audio in 0.5 s: real-time factor 0.125, 8.0 x real time",
        "  ? are clips of unknown language: --language CODE says which it is, and gives English "
        "its own normaliser",
        "  1 clip failed and counts for nothing; blue: 500: no",
        "",
        "  red (en): 2 errors in 3 words",
        "    red [-green gold]",
    ]


def test_a_comparison_as_text():
    second = run("two", (RED, "red"), (EINS, "eins zwei"))
    assert list(evaluation_report.of_comparison(FIRST, second, 1)) == [
        "A: one, B: two",
        "  language    clips       A       B   B - A     95 % interval  B better  B worse  same",
        "  de              1  50.00%   0.00%  -50.00  -50.00 to -50.00         1        0     0",
        "  en              1   0.00%  66.67%  +66.67  +66.67 to +66.67         0        1     0",
        "  all, words      2  20.00%  40.00%  +20.00  -50.00 to +66.67         1        1     0",
        "  all, words: these clips show no certain difference",
        "",
        "B loses most",
        "  red (en): errors 0 → 2",
        "    A: no difference",
        "    B: red [-green gold]",
        "",
        "B wins most",
        "  eins (de): errors 1 → 0",
        "    A: eins [zwei → drei]",
        "    B: no difference",
    ]


def test_a_certain_difference_is_a_sentence():
    found = compare(pairs(run("a", (RED, "red")), run("b", (RED, "red green gold"))))
    assert evaluation_report.verdict(found[0]) == "en: B makes fewer errors, by 66.67 points"


def test_nothing_in_common():
    lines = list(evaluation_report.of_comparison(FIRST, run("b", (RED, None)), 1))
    assert lines == ["No clip was transcribed both ways, so there is nothing to compare."]


def test_a_document_has_everything():
    second = run("two", (RED, "red"), (EINS, None))
    document = json.loads(evaluation_report.document([FIRST, second], {"seed": 3}))
    assert document["seed"] == 3
    assert [each["name"] for each in document["runs"]] == ["one", "two"]
    assert document["runs"][1]["failures"] == {"eins": "500: no"}
    assert document["runs"][0]["real_time_factor"] == 0.0625
    assert document["differences"][0]["group"] == "en"
    assert document["differences"][0]["second"] == {"unit": "words", "n_units": 3, "n_errors": 2}


def test_a_rate_of_nothing_said():
    (row,) = rows([evaluation.score_of(clip("a", "[noise]"), "go do")])
    assert row.errors == Rate("words", 0, 2)
    lines = list(evaluation_report.of_run(run("x", (clip("a", "[noise]"), "go do")), 0))
    assert lines[2].split() == ["en", "1", "0", "2", "of", "0", "5", "of", "0"]
