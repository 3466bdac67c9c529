"""The cache folder: where it is, what counts as whole, listing and removing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from auricle.errors import ModelNotFound
from auricle.models import cache
from auricle.models.checksum import sha256
from auricle.models.registry import Copy, ModelFile

FILES = {"model.bin": b"weights", "config.json": b"{}"}


def store(folder, name, files=FILES):
    with cache.lock(folder, name):
        part = cache.staging(folder, name)
        for file, content in files.items():
            (part / file).write_bytes(content)
        (part / "leftover.part").write_bytes(b"x")
        (part / "wheels-1").mkdir()
        return cache.publish(folder, name, "a test", files)


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, Path("/x/auricle")),
        ("linux", {}, Path.home() / ".cache" / "auricle"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, Path.home() / "Library" / "Caches" / "auricle"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/auricle")),
        ("win32", {}, Path.home() / "AppData" / "Local" / "auricle"),
    ],
)
def test_place_of_the_cache(monkeypatch, platform, environ, expected):
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.cache_dir(None, environ) == expected
    assert cache.cache_dir(Path("~/models"), environ) == Path.home() / "models"


def test_publish_find_list_remove(tmp_path):
    assert cache.entries(tmp_path / "none") == []
    folder = store(tmp_path, "base")
    store(tmp_path, "owner/tune@v1")
    assert folder == tmp_path / "base"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("auricle.json", "config.json", "model.bin")
    ]
    assert cache.find(tmp_path, "base") == folder
    assert cache.find(tmp_path, "owner/tune@v1") == tmp_path / "owner--tune@v1"
    assert cache.entries(tmp_path) == [
        cache.Entry("base", "a test", {"model.bin": 7, "config.json": 2}),
        cache.Entry("owner/tune@v1", "a test", {"model.bin": 7, "config.json": 2}),
    ]
    assert cache.remove(tmp_path, "base").bytes == 9
    assert [entry.name for entry in cache.entries(tmp_path)] == ["owner/tune@v1"]
    with pytest.raises(ModelNotFound, match="'base' is not in"):
        cache.remove(tmp_path, "base")


@pytest.mark.parametrize("marker", [None, b"{", b'{"name": "base"}'])
def test_no_marker_no_model(tmp_path, marker):
    folder = store(tmp_path, "base")
    (folder / cache.MARKER).unlink()
    if marker is not None:
        (folder / cache.MARKER).write_bytes(marker)
    assert cache.find(tmp_path, "base") is None
    assert cache.entries(tmp_path) == []


def test_missing_or_short_files_are_not_whole(tmp_path):
    folder = store(tmp_path, "base")
    (folder / "config.json").unlink()
    assert cache.find(tmp_path, "base") is None
    folder = store(tmp_path, "base")
    (folder / "model.bin").write_bytes(b"")
    assert cache.find(tmp_path, "base") is None


def test_staging_prefers_the_fetch_under_way(tmp_path):
    """A folder without a marker beside an unfinished fetch is the older of the two."""
    folder = store(tmp_path, "base")
    part = tmp_path / ".base.part"
    part.mkdir()
    (part / "model.bin.part").write_bytes(b"we")
    assert cache.staging(tmp_path, "base") == part
    assert not folder.exists()
    assert [path.name for path in part.iterdir()] == ["model.bin.part"]


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"HF_HUB_CACHE": "{}/a"}, "a"),
        ({"HUGGINGFACE_HUB_CACHE": "{}/b"}, "b"),
        ({"HF_HOME": "{}/c"}, "c/hub"),
        ({"XDG_CACHE_HOME": "{}/d"}, "d/huggingface/hub"),
    ],
)
def test_places_of_the_hugging_face_cache(tmp_path, environ, place):
    environ = {name: value.format(tmp_path) for name, value in environ.items()}
    folder = tmp_path / place / "models--owner--name" / "snapshots" / "abc"
    assert cache.hub_snapshot(Copy("owner/name", "abc"), environ) is None
    folder.mkdir(parents=True)
    assert cache.hub_snapshot(Copy("owner/name", "abc"), environ) == folder


def test_a_remembered_hash_is_forgotten_when_the_file_changes(tmp_path):
    path, memory = tmp_path / "x", tmp_path / "cache"
    path.write_bytes(b"abc")
    file = ModelFile("x", 3, sha256(path), True)
    assert cache.holds(tmp_path, [file], memory)
    path.write_bytes(b"xyz")
    assert not cache.holds(tmp_path, [file], memory)


def test_a_cache_that_cannot_remember_still_verifies(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "cache").write_text("not a folder")
    file = ModelFile("x", 3, sha256(tmp_path / "x"), True)
    assert cache.holds(tmp_path, [file], tmp_path / "cache")
    loose = ModelFile("x", 3, "0" * 64, False)
    assert cache.holds(tmp_path, [loose], tmp_path / "cache")
