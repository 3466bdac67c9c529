"""How figures are shown and put into the README, and the recordings they are made with."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from auricle_bench.clips import Clip
from auricle_bench.live.run import Streams
from auricle_bench.measurements import __main__ as command
from auricle_bench.measurements import figures, recordings, streams
from auricle_bench.measurements.figures import Figures, Table
from auricle_bench.measurements.setup import every
from auricle_bench.summary import Percentiles

RATE = 16_000


def test_figures_become_tables_with_their_origin():
    table = Table("Two things:", ("", "wanted"), [("a", "1"), ("b", "2")])
    text = figures.markdown(
        Figures([table], {}, ["A remark."]), "make bench", {"cores": "2"}, "2026-01-01"
    )
    assert text == (
        "Two things:\n\n|  | wanted |\n|---|---|\n| a | 1 |\n| b | 2 |\n\nA remark.\n\n"
        "`make bench` on 2026-01-01: cores 2."
    )


def commit_after(n: int, p50_s: float, p95_s: float, n_failed: int = 0) -> Streams:
    return Streams(
        n_streams=n,
        n_failed=n_failed,
        audio_s=20.0 * n,
        tentative=None,
        commit=Percentiles(p50_s, p95_s, p95_s),
        final=None,
        corrections=0.0,
        n_retracted=0,
        n_words=9,
        n_errors=0,
        late_s=0.0,
    )


def test_delays_of_streams_that_were_all_followed_are_drawn():
    found = [
        commit_after(1, 1.034, 1.3),
        commit_after(8, 1.27, 2.25),
        commit_after(12, 1.3, 1.9, 2),
    ]
    drawn = streams.chart("base", found)
    text = figures.markdown(Figures([], {}, charts=[drawn]), "make bench", {}, "2026-01-01")
    assert text.splitlines()[:7] == [
        "```mermaid",
        "xychart-beta",
        '    title "base: a word is committed after, median and 95th percentile"',
        '    x-axis "streams" [1, 8]',
        '    y-axis "seconds" 0 --> 2.25',
        "    line [1.03, 1.27]",
        "    line [1.3, 2.25]",
    ]


def test_a_result_replaces_the_one_before():
    document = "x\n<!-- one -->\nold\n<!-- /one -->\n<!-- two -->\nkept\n<!-- /two -->\n"
    pasted = figures.paste(document, "one", r"new \1")
    expected = document.replace("old", "\nnew \\1\n")
    assert pasted == expected
    assert figures.paste(pasted, "one", r"new \1") == expected


def test_a_result_without_a_place_is_refused():
    with pytest.raises(SystemExit, match="no markers for three"):
        figures.paste("<!-- one -->\n<!-- /one -->", "three", "text")


def test_the_readme_has_a_place_for_every_measurement():
    document = figures.README.read_text(encoding="utf-8")
    for name in command.MEASUREMENTS:
        assert "\n\ntext\n\n" in figures.paste(document, name, "text")


@pytest.mark.parametrize(
    ("n", "expected"), [(0, [0, 1, 2, 3, 4, 5]), (9, [0, 1, 2, 3, 4, 5]), (2, [0, 3]), (1, [0])]
)
def test_some_clips_are_spread_over_all(n, expected):
    clips = [Clip(Path(str(i)), 1.0) for i in range(6)]
    assert every(clips, n) == [clips[i] for i in expected]


def speech(folder: Path, name: str, duration_s: float, speaker: str, language: str = "en") -> Clip:
    """A clip of a constant value, so that joined clips can be told apart."""
    n = round(duration_s * RATE)
    recordings.write_wav(folder / name, np.full(n, 1000, np.int16))
    return Clip(folder / name, duration_s, language, name, speaker)


def test_windows_are_of_one_speaker_then_of_what_is_left_of_a_language(tmp_path):
    clips = [speech(tmp_path, f"a{i}", 9.0, "a") for i in range(4)]
    clips += [speech(tmp_path, f"b{i}", 9.0, "b") for i in range(2)]
    clips += [speech(tmp_path, "c0", 9.0, "c", "de"), speech(tmp_path, "long", 31.0, "d")]
    made = recordings.windows(clips, tmp_path)
    assert [each.text for each in made] == ["a0 a1 a2", "a3 b0 b1"]
    assert [each.duration_s for each in made] == [pytest.approx(3 * 9.4)] * 2
    samples = recordings.read(made[0].path)
    assert len(samples) == round(3 * 9.4 * RATE)
    assert set(samples[: 9 * RATE]) == {1000}
    assert set(samples[9 * RATE : round(9.4 * RATE)]) == {0}


def test_a_window_repeats_clips_that_are_too_few(tmp_path):
    clip = speech(tmp_path, "a", 11.0, "a")
    made = recordings.window([clip], tmp_path / "window.wav")
    assert made.duration_s == pytest.approx(22.8)
    assert made.language == "en"


def test_a_long_recording_is_as_long_as_wanted_and_small(tmp_path):
    clip = speech(tmp_path, "a", 11.0, "a")
    made = recordings.long_recording([clip], tmp_path / "long.ogg", 60.0)
    assert made.duration_s == pytest.approx(62.0)  # two clips, each with a long pause
    with av.open(str(made.path)) as media:
        assert (media.duration or 0) / av.time_base == pytest.approx(made.duration_s, abs=0.1)
    assert made.path.stat().st_size < made.duration_s * 4_000


def test_the_command_line_shown_does_not_name_the_folder():
    words = ["--corpus", "/some/where", "--clips", "4", "--quick", "--field", "vad=false"]
    given = command._arguments(words)
    shown = 'make bench ARGS="load --quick --clips 4 --field vad=false" CORPUS=DIR'
    assert command._command("load", given) == shown
    assert command._command("startup", given) == "make bench ARGS=startup"


def test_an_unknown_measurement_is_named(capsys):
    with pytest.raises(SystemExit):
        command._arguments(["speed"])
    assert "speed: known are startup, overhead, memory, accuracy, load" in capsys.readouterr().err
