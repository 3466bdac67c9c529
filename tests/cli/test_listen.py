"""``auricle listen``: captions of a recording, saved as subtitles; what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.cli.listening.session import Listening, listened
from auricle.cli.main import run
from auricle.live.effects import Final, LiveWord, TurnStarted
from auricle.types import Format, Language, SpeakerOptions
from tests.audio_files import JFK_WORDS, SAMPLES, words
from tests.server.conftest import settings
from tests.server.fakes import FakeRuntime

JFK = str(SAMPLES / "jfk.wav")


@pytest.mark.model
def test_a_recording_is_captioned_and_saved(capsys, tmp_path):
    saved = tmp_path / "out.srt"
    arguments = ["listen", JFK, "--model", "tiny.en", "--speed", "0", "--save", str(saved)]
    assert run([*arguments, "--save", str(tmp_path / "out.txt")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert words(" ".join(lines)) == JFK_WORDS
    assert saved.read_text().startswith("1\n00:00:00,")
    assert words((tmp_path / "out.txt").read_text()) == JFK_WORDS


async def test_what_was_said_is_saved_whatever_happens(capsys, tmp_path):
    said = (LiveWord(" hello", 0.5, 1.0, 0.9), LiveWord(" there", 1.0, 1.5, 0.9))
    runtime = FakeRuntime(settings())
    final = Final(1, 0.3, 2.0, said, Language("en"))
    runtime.live_says = lambda _, told: (TurnStarted(1, 0.3), final) if told == "finish" else ()
    saved = tmp_path / "out.vtt"
    plan = Listening(settings(), SAMPLES / "jfk.wav", speed=0, saved={saved: "vtt"})
    assert await listened(plan, runtime) == 0
    assert capsys.readouterr().out == "hello there\n"
    assert saved.read_text() == "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nhello there\n\n"
    assert runtime.lives[0].now_s == pytest.approx(11.0)


async def test_who_speaks_is_shown_and_saved(capsys, tmp_path):
    said = (
        LiveWord(" Late?", 0.5, 1.0, 0.9, speaker="A"),
        LiveWord(" Not", 1.0, 1.25, 0.9, speaker="B"),
        LiveWord(" yet.", 1.25, 1.5, 0.9, speaker="B"),
    )
    runtime = FakeRuntime(settings())
    final = Final(1, 0.3, 2.0, said, Language("en"))
    runtime.live_says = lambda _, told: (TurnStarted(1, 0.3), final) if told == "finish" else ()
    saved: dict[Path, Format] = {tmp_path / "out.vtt": "vtt", tmp_path / "out.txt": "text"}
    plan = Listening(settings(), SAMPLES / "jfk.wav", speed=0, saved=saved, diarize=True)
    assert await listened(plan, runtime) == 0
    assert runtime.lives[0].options.speakers == SpeakerOptions()
    assert capsys.readouterr().out == "A: Late? B: Not yet.\n"
    assert (tmp_path / "out.txt").read_text() == "A: Late?\nB: Not yet.\n"
    assert (tmp_path / "out.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.000\n<v A>Late?\n\n"
        "00:00:01.000 --> 00:00:02.000\n<v B>Not yet.\n\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--save", "a.doc"], 2, "--save: 'a.doc' does not end in one of .txt, .srt, .vtt"),
        ([JFK, "--microphone", "1"], 2, "give FILE or --microphone, not both"),
        ([str(SAMPLES)], 2, "is a folder; one FILE can be listened to"),
        ([JFK, "--speed", "-1"], 2, "-1.0 is not in the range"),
        (["gone.wav"], 1, "gone.wav: no such file"),
        ([JFK, "--url", "http://127.0.0.1:1"], 1, "cannot connect to ws://127.0.0.1:1/"),
        (["--list-microphones"], 1, "pip install 'auricle[mic]'"),
    ],
)
def test_what_is_refused(capsys, monkeypatch, arguments, code, complaint):
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)  # as where it is not
    assert run(["listen", *arguments]) == code
    assert complaint in capsys.readouterr().err
