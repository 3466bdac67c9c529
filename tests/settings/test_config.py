"""Settings: which place wins, and what is said about a name or value that cannot be used."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.errors import BadSetting
from auricle.settings.config import Settings, load
from auricle.settings.sources import config_file


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """An environment whose user has no settings file."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "none"), "APPDATA": str(tmp_path / "none")}


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "auricle.toml"


def test_without_anything_the_defaults_hold(empty):
    assert load(environ=empty) == Settings()


def test_the_first_place_with_a_value_wins(empty, toml):
    toml.write_text("port = 1\nthreads = 1\nbeam_size = 1\n")
    environ = empty | {"AURICLE_PORT": "2", "AURICLE_THREADS": "2"}
    flags = {"port": "3", "threads": None, "model": None}
    assert load(flags, environ, toml) == replace(Settings(), port=3, threads=2, beam_size=1)


def test_an_empty_variable_is_not_a_value(empty):
    assert load(environ=empty | {"AURICLE_PORT": "", "AURICLE_CONFIG": ""}) == Settings()


def test_the_users_own_file_is_found(tmp_path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    chosen = config_file(environ)
    assert chosen == tmp_path / "auricle" / "auricle.toml"
    chosen.parent.mkdir()
    chosen.write_text("port = 8000\n")
    assert load(environ=environ) == replace(Settings(), port=8000)


def test_a_named_file_replaces_the_users_own(empty, toml, tmp_path):
    toml.write_text("port = 8000\n")
    assert load(environ=empty | {"AURICLE_CONFIG": str(toml)}).port == 8000
    other = tmp_path / "other.toml"
    other.write_text("port = 9000\n")
    assert load(environ=empty | {"AURICLE_CONFIG": str(toml)}, path=other).port == 9000


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PORT", "0", 0),
        ("VAD_THRESHOLD", "0.25", 0.25),
        ("VAD", "no", False),
        ("VAD", "OFF", False),
        ("VAD", "0", False),
        ("OFFLINE", "yes", True),
        ("OFFLINE", "true", True),
        ("DEVICE", "cuda", "cuda"),
        ("SOURCES", "index, hub", ("index", "hub")),
        ("SOURCES", "hub", ("hub",)),
        ("TEMPERATURES", "0, 0.5", (0.0, 0.5)),
        ("MODEL_PATH", "mine", Path.cwd() / "mine"),
        ("CACHE_DIR", "~/speech", Path.home() / "speech"),
        ("LANGUAGE", "de", "de"),
    ],
)
def test_text_from_the_environment_takes_the_settings_type(empty, name, text, value):
    settings = load(environ=empty | {f"AURICLE_{name}": text})
    assert settings == replace(Settings(), **{name.lower(): value})


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('sources = ["hub"]', {"sources": ("hub",)}),
        ("vad = false", {"vad": False}),
        ("port = 8000", {"port": 8000}),
        ("vad_threshold = 0.3", {"vad_threshold": 0.3}),
        ('model_path = "m"', {"model_path": Path.cwd() / "m"}),
    ],
)
def test_toml_values_keep_their_type(empty, toml, line, value):
    toml.write_text(line)
    assert load(environ=empty, path=toml) == replace(Settings(), **value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("PORT", "abc", "'abc' is not a whole number from 0 to 65535"),
        ("PORT", "65536", "'65536' is not a whole number from 0 to 65535"),
        ("PORT", "80.5", "'80.5' is not a whole number from 0 to 65535"),
        ("MAX_UPLOAD_MB", "0", "'0' is not a whole number from 1 to 1048576"),
        ("VAD_THRESHOLD", "nan", "'nan' is not a number from 0.01 to 0.99"),
        ("VAD_THRESHOLD", "1", "'1' is not a number from 0.01 to 0.99"),
        ("VAD", "maybe", "'maybe' is not true or false"),
        ("DEVICE", "gpu", "'gpu' is not one of auto, cpu, cuda"),
        ("TEMPERATURES", "0,2", "'0,2' is not a list of numbers from 0.0 to 1.0"),
        ("SOURCES", "hub,web", "'hub,web' is not a list of hub or index"),
        (
            "CORS_ORIGINS",
            "a.b",
            "'a.b' is not a list of names like https://example.com, local, null or *",
        ),
        ("ALLOWED_HOSTS", "a/b", "'a/b' is not a list of names like speech.example.com, or *"),
        ("PROT", "1", "unknown setting 'prot'; did you mean 'port'?"),
    ],
)
def test_a_bad_variable_is_named_with_what_is_allowed(empty, name, text, message):
    with pytest.raises(BadSetting) as caught:
        load(environ=empty | {f"AURICLE_{name}": text})
    assert caught.value.message == f"AURICLE_{name}: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("port = true", "port: True is not a whole number from 0 to 65535"),
        ("host = 5", "host: 5 is not text"),
        ("model_path = 5", "model_path: 5 is not a path"),
        ('language = ["en"]', "language: ['en'] is not text"),
        ('sources = ["web"]', "sources: ['web'] is not a list of hub or index"),
        ('modle = "x"', "modle: unknown setting 'modle'; did you mean 'model'?"),
    ],
)
def test_a_bad_line_is_named_with_its_file(empty, toml, line, message):
    toml.write_text(line)
    with pytest.raises(BadSetting) as caught:
        load(environ=empty, path=toml)
    assert caught.value.message == f"{toml}: {message}"


def test_a_name_like_none_gets_the_whole_list(empty):
    with pytest.raises(BadSetting, match="known are host, port, allowed_hosts, "):
        load(environ=empty | {"AURICLE_ZZZZZZ": "1"})


def test_a_bad_flag_is_named_as_it_was_typed(empty):
    with pytest.raises(BadSetting) as caught:
        load({"max_audio_s": "long"}, empty)
    assert caught.value.message == "--max-audio-s: 'long' is not a whole number from 1 to 604800"


def test_a_value_that_a_later_place_replaces_must_be_right_too(empty):
    with pytest.raises(BadSetting, match="AURICLE_PORT"):
        load({"port": "8000"}, empty | {"AURICLE_PORT": "x"})


def test_a_named_file_must_exist(empty, toml):
    with pytest.raises(BadSetting, match="cannot read the settings file"):
        load(environ=empty, path=toml)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_settings_file(empty, toml):
    """Opening one without a writer waited for ever."""
    os.mkfifo(toml)
    with pytest.raises(BadSetting) as caught:
        load(environ=empty, path=toml)
    assert caught.value.message == (
        f"cannot read the settings file {toml}: it is not a regular file"
    )


def test_a_lock_is_not_left_open_by_an_empty_line(empty, toml):
    toml.write_text('api_keys_file = ""')
    with pytest.raises(BadSetting, match="api_keys_file is empty; give it a value"):
        load(environ=empty, path=toml)


@pytest.mark.parametrize(
    "content", [b"port = ", b"[", b"port = 1\nport = 2", b"a = '\xff'", b"a = " + b"[" * 9999]
)
def test_a_file_that_is_not_toml(empty, toml, content):
    toml.write_bytes(content)
    with pytest.raises(BadSetting, match="is not valid TOML"):
        load(environ=empty, path=toml)
