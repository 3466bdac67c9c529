"""Flags become the fields a request would carry, read by the same code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from auricle.cli.field_flags import field_options, fields_from, known_voices
from auricle.cli.options import settings_from, settings_options
from auricle.output.formats import Style
from auricle.server.fields.audio_request import AudioRequest, parse
from auricle.types import DecodeOptions, SpeakerOptions


def _asked(*arguments: str, fmt: str = "json") -> AudioRequest:
    asked: list[AudioRequest] = []

    @click.command()
    @field_options
    @settings_options(server=False)
    @click.pass_context
    def command(context: click.Context) -> None:
        settings = settings_from(context)
        asked.append(parse(fields_from(context, fmt, settings), "transcribe", settings))

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return asked[0]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], DecodeOptions()),
        (["--prompt", "Hello."], DecodeOptions(prompt="Hello.")),
        (["--keywords", "Ann, Bob"], DecodeOptions(keywords=("Ann", "Bob"))),
        (["--prefix", "And so"], DecodeOptions(prefix="And so")),
        (["--previous-text"], DecodeOptions(previous_text=True)),
        (["--languages", "German,en"], DecodeOptions(languages=("de", "en"))),
        (["--audio-track", "2"], DecodeOptions(audio_track="2")),
        (["--language-detection", "window"], DecodeOptions(language_detection="window")),
        (["--language", "German"], DecodeOptions(language="de")),
        (["--temperature", "0.5"], DecodeOptions(temperature=0.5)),
        (["--patience", "2", "--beam-size", "3"], DecodeOptions(patience=2.0, beam_size=3)),
        (["--logprobs"], DecodeOptions(logprobs=True)),
    ],
)
def test_a_flag_is_a_field(arguments: list[str], options: DecodeOptions):
    assert _asked(*arguments).options == options


@pytest.mark.parametrize("name", ["compat-apis", "doors"])
def test_a_setting_is_set_by_its_flag_and_that_of_its_old_name(name: str):
    found: list[bool] = []

    @click.command()
    @settings_options()
    @click.pass_context
    def command(context: click.Context) -> None:
        found.append(settings_from(context).compat_apis)

    runner = CliRunner()
    assert runner.invoke(command, [f"--no-{name}"], catch_exceptions=False).exit_code == 0
    assert found == [False]
    assert ("--doors" in runner.invoke(command, ["--help"]).output) is False


def test_words_are_shown_beside_segments():
    asked = _asked("--words", fmt="verbose_json")
    assert asked.style == Style("verbose_json", words=True)
    assert asked.options.words


def test_speakers():
    asked = _asked("--diarize", "--num-speakers", "2", "--speaker-embeddings", fmt="text")
    assert asked.options == DecodeOptions(words=True, speakers=SpeakerOptions(2, 2))
    assert asked.style == Style("text", speakers=True, embeddings=True)


def test_known_voices_are_files(tmp_path: Path):
    file = tmp_path / "ann=1.wav"
    file.write_bytes(b"voice")
    assert known_voices([f"Ann={file}"]) == [
        ("known_speaker_names[]", "Ann"),
        ("known_speaker_references[]", "data:audio/any;base64,dm9pY2U="),
    ]
    for wrong, message in {
        "Ann": "expected NAME=FILE, but got 'Ann'",
        "=x": "expected NAME=FILE, but got '=x'",
        "Ann=": "expected NAME=FILE, but got 'Ann='",
        f"Ann={tmp_path / 'none'}": "cannot read .*none: No such file or directory",
    }.items():
        with pytest.raises(click.UsageError, match=f"--known-speaker: {message}"):
            known_voices([wrong])
