"""What a request may name: never a folder, never a repository nobody registered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auricle.errors import DownloadFailed, ModelNotFound, ModelUnusable
from auricle.hosting.catalog import Catalog
from auricle.models import cache, registry
from auricle.models.fetch import FetchOptions
from auricle.settings.config import Settings


def _catalog(folder: Path, **settings: object) -> Catalog:
    fetching = FetchOptions(cache=folder, environ={"HF_HOME": str(folder / "hf")})
    given: dict[str, object] = {"cache_dir": folder, "offline": True, **settings}
    return Catalog(Settings(**given), fetching)  # type: ignore[arg-type]  # a table has no one type


def _put(folder: Path, name: str) -> None:
    """A whole model in the cache, as far as anybody sees who does not read it."""
    part = cache.staging(folder, name)
    (part / "model.bin").write_bytes(b"weights")
    cache.publish(folder, name, "test", ["model.bin"])


async def test_names_are_those_of_the_cache(tmp_path: Path):
    for name in ("someone/whisper-fine", "small", "base"):
        _put(tmp_path, name)
    assert await _catalog(tmp_path).names() == ["base", "small", "someone/whisper-fine"]
    assert await _catalog(tmp_path, load_on_request=False).names() == []


async def test_a_registered_model_on_this_machine_in_any_spelling(tmp_path: Path):
    _put(tmp_path, "small")
    name, find = await _catalog(tmp_path).lookup("Systran/faster-whisper-small")
    assert name == "small"
    with pytest.raises(ModelUnusable):  # it is the folder in the cache that is read
        find()


async def test_a_registered_model_elsewhere(tmp_path: Path):
    with pytest.raises(ModelNotFound) as caught:
        await _catalog(tmp_path).lookup("medium")
    assert (caught.value.code, caught.value.message) == (
        "model_not_found",
        "The model `medium` is not on this server's machine. Its operator can add it with "
        "'auricle models download medium', or let requests fetch models with the setting "
        "fetch_on_request.",
    )


async def test_a_message_repeats_what_the_client_wrote(tmp_path: Path):
    """It named the registered model alone, which the client had not asked for."""
    message = "The model `whisper-large-v3-turbo`, here called `large-v3-turbo`, is not on this"
    with pytest.raises(ModelNotFound, match=message):
        await _catalog(tmp_path).lookup("whisper-large-v3-turbo")
    with pytest.raises(ModelNotFound, match="The model `mine`, here called `medium`, is not on"):
        await _catalog(tmp_path).lookup("medium", "mine")
    with pytest.raises(ModelNotFound, match="The model `voxtral-mini-latest` does not exist"):
        await _catalog(tmp_path).lookup("voxtral-mini-latest")


async def test_a_registered_model_that_may_be_fetched(tmp_path: Path):
    catalog = _catalog(tmp_path, fetch_on_request=True, offline=False, sources=())
    name, find = await catalog.lookup("medium")
    assert name == "medium"
    with pytest.raises(DownloadFailed, match="could not be fetched"):  # no source was allowed
        find()


async def test_what_the_operator_put_into_the_cache(tmp_path: Path):
    _put(tmp_path, "someone/whisper-fine")
    name, find = await _catalog(tmp_path).lookup("hf:someone/whisper-fine")
    assert name == "someone/whisper-fine"
    with pytest.raises(ModelUnusable):
        find()


async def test_weights_that_are_no_model_of_speech_cannot_be_named(tmp_path: Path):
    _put(tmp_path, "speakers")
    _put(tmp_path, "base")
    assert await _catalog(tmp_path).names() == ["base"]
    with pytest.raises(ModelNotFound, match="The model `speakers` does not exist"):
        await _catalog(tmp_path).lookup("speakers")


@pytest.mark.parametrize(
    "name",
    [
        "whisper-9",
        "someone/unregistered",
        "..",
        ".",
        "../base",
        "base/../base",
        "~",
        "{folder}",
        "{folder}/base",
        "./base",
        "someone--whisper-fine",
        "\0",
        "x" * 200,
    ],
)
async def test_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """Not even where a folder of that name exists."""
    _put(tmp_path, "base")
    _put(tmp_path, "someone/whisper-fine")
    (tmp_path / "someone" / "unregistered").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    asked = name.format(folder=tmp_path)
    shown = asked if len(asked) <= 80 else asked[:80] + "…"
    with pytest.raises(ModelNotFound) as caught:
        await _catalog(tmp_path, fetch_on_request=True).lookup(asked)
    wanted = f"The model `{shown}` does not exist or you do not have access to it."
    assert caught.value.message == wanted


def test_the_default_is_what_the_settings_say(tmp_path: Path):
    with pytest.raises(DownloadFailed, match="'base' is not in the cache"):
        _catalog(tmp_path).find_default("cpu")
    with pytest.raises(DownloadFailed, match="'large-v3-turbo' is not in the cache"):
        _catalog(tmp_path).find_default("cuda")
    with pytest.raises(DownloadFailed, match="'small' is not in the cache"):
        _catalog(tmp_path, model="openai/whisper-small").find_default("cpu")
    with pytest.raises(ModelUnusable, match="does not exist"):
        _catalog(tmp_path, model_path=tmp_path / "nothing").find_default("cpu")


def test_the_registry_has_no_name_that_spells_a_folder():
    names = [each for model in registry.models() for each in (model.id, *model.aliases)]
    assert [name for name in names if name.startswith((".", "~", os.sep))] == []
