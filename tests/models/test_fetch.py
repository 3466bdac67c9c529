"""From a name to a folder: cache, sources in order, one fetch for many, nothing half done."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from auricle.errors import DownloadFailed, ModelNotFound, ModelUnusable
from auricle.models import cache, registry
from auricle.models.checksum import sha256
from auricle.models.fetch import FetchOptions, locate, obtain
from auricle.models.registry import Copy
from auricle.settings.config import Settings
from tests.models.fake_hub import (
    CONTENTS,
    LIMITS,
    Recorder,
    closed_port,
    serving,
    small_model,
    stalling_after,
    status,
)

MODEL = small_model()
ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
PATH = f"/{MODEL.repo}/resolve/{MODEL.revision}/model.bin"


@pytest.fixture
def hub():
    with serving() as fake:
        fake.add(MODEL, CONTENTS)
        yield fake


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != cache.MARKER}


def test_fetched_once_and_found_again(hub, tmp_path):
    fetching, progress = hub.fetching(tmp_path / "cache"), Recorder()
    folder = obtain(MODEL, fetching, progress)
    assert folder == tmp_path / "cache" / "small-fake"
    assert contents(folder) == CONTENTS
    total = sum(len(content) for content in CONTENTS.values())
    assert progress.started == [("small-fake", total)]
    assert progress.counted == [total]
    assert progress.closed == 1
    asked = len(hub.requests)
    assert obtain(MODEL, dataclasses.replace(fetching, offline=True), Recorder()) == folder
    assert len(hub.requests) == asked
    (entry,) = cache.entries(tmp_path / "cache")
    assert entry == cache.Entry(
        "small-fake",
        f"owner/fake@{'a' * 40}",
        {name: len(content) for name, content in CONTENTS.items()},
    )


def test_another_repository_with_the_same_files(hub, tmp_path):
    hub.script[PATH] = [status(401)]
    model = small_model(copies=(Copy("owner/fake", "b" * 40), Copy("new/home", "a" * 40)))
    for name, content in CONTENTS.items():
        hub.files[f"/new/home/resolve/{'a' * 40}/{name}"] = content
    assert contents(obtain(model, hub.fetching(tmp_path), Recorder())) == CONTENTS
    assert [entry.source for entry in cache.entries(tmp_path)] == [f"new/home@{'a' * 40}"]


def test_no_repository_has_it(hub, tmp_path):
    hub.files.clear()
    model = small_model(copies=(Copy("new/home", "a" * 40),))
    with pytest.raises(DownloadFailed) as failed:
        obtain(model, hub.fetching(tmp_path), Recorder())
    assert failed.value.message.count("answered 404: it does not exist") == 2


def test_the_error_names_every_source_and_the_way_out(tmp_path):
    port = closed_port()
    fetching = FetchOptions(
        tmp_path / "cache", environ={"HF_ENDPOINT": f"http://127.0.0.1:{port}"}, limits=LIMITS
    )
    progress = Recorder()
    with pytest.raises(DownloadFailed) as failed:
        obtain(MODEL, fetching, progress)
    message = failed.value.message
    assert message.startswith("The model 'small-fake' is not in the cache")
    assert f"\n  hub: 127.0.0.1:{port} cannot be reached" in message
    assert "\n  index: no package carries this model\n" in message
    assert message.endswith("or start with --model-path FOLDER.")
    assert "auricle models download small-fake" in message
    assert progress.closed == 2
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".locks"]


@pytest.mark.parametrize("change", [{"offline": True}, {"sources": ()}])
def test_nothing_is_asked_when_fetching_is_off(hub, tmp_path, change):
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        obtain(MODEL, hub.fetching(tmp_path, **change), Recorder())
    assert hub.requests == []


def test_means_of_settings(tmp_path):
    settings = Settings(cache_dir=tmp_path, sources=("index",))
    fetching = FetchOptions.of(settings, {})
    assert (fetching.cache, fetching.sources, fetching.offline) == (
        tmp_path,
        ("index",),
        False,
    )
    assert FetchOptions.of(settings, {"HF_HUB_OFFLINE": "1"}).offline
    assert not FetchOptions.of(settings, {"HF_HUB_OFFLINE": "0"}).offline
    assert FetchOptions.of(dataclasses.replace(settings, offline=True), {}).offline


def child(hub, folder):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.models.fetch_child", hub.url, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
    )


def test_two_processes_at_once_fetch_once(hub, tmp_path):
    """The first answer waits until both processes are about to ask."""
    both_ready = threading.Event()

    def patient(handler, content):
        both_ready.wait(30)
        stalling_after(len(content))(handler, content)

    hub.script[PATH] = [patient]
    hub.released.set()  # the "stall" then ends when everything was sent
    with child(hub, tmp_path) as one, child(hub, tmp_path) as other:
        for process in (one, other):
            assert process.stdout.readline() == "ready\n"
        both_ready.set()
        outputs = [process.stdout.read().splitlines() for process in (one, other)]
    assert [lines[-1] for lines in outputs] == ["got small-fake"] * 2
    assert sorted(lines[0] for lines in outputs) == [
        "got small-fake",  # the one that waited fetched nothing
        f"started small-fake {sum(len(c) for c in CONTENTS.values())}",
    ]
    assert [request.path for request in hub.requests].count(PATH) == 1


def test_a_killed_fetch_leaves_nothing_whole_and_is_resumed(hub, tmp_path):
    sent = 300_000
    hub.script[PATH] = [stalling_after(sent)]
    with child(hub, tmp_path) as process:
        received = 0
        while received < sent:
            word, *numbers = process.stdout.readline().split()
            received += int(numbers[0]) if word == "advanced" else 0
        process.kill()
    assert cache.find(tmp_path, "small-fake") is None
    assert cache.entries(tmp_path) == []
    assert not (tmp_path / "small-fake").exists()
    progress = Recorder()
    assert contents(obtain(MODEL, hub.fetching(tmp_path), progress)) == CONTENTS
    assert progress.counted == [sum(len(content) for content in CONTENTS.values())]
    resumed = hub.requests[1].range
    assert resumed is not None
    assert sent - 65536 <= int(resumed.removeprefix("bytes=").rstrip("-")) <= sent


def test_a_killed_publication_is_finished_from_its_own_files(hub, tmp_path):
    """Renamed, but the marker was never written: nothing needs to be fetched again."""
    folder = obtain(MODEL, hub.fetching(tmp_path), Recorder())
    (folder / cache.MARKER).unlink()
    assert cache.find(tmp_path, "small-fake") is None
    asked = len(hub.requests)
    assert contents(obtain(MODEL, hub.fetching(tmp_path), Recorder())) == CONTENTS
    assert len(hub.requests) == asked


def test_a_damaged_cache_entry_is_repaired(hub, tmp_path):
    folder = obtain(MODEL, hub.fetching(tmp_path), Recorder())
    (folder / "model.bin").write_bytes(b"short")
    hub.requests.clear()
    assert contents(obtain(MODEL, hub.fetching(tmp_path), Recorder())) == CONTENTS
    assert [request.path for request in hub.requests] == [PATH]


def test_a_cache_that_cannot_be_written(hub, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadFailed, match="cannot write to the model cache"):
        obtain(MODEL, hub.fetching(tmp_path / "file"), Recorder())


def hf_cache(root, model, files):
    folder = root / "hub" / "models--owner--fake" / "snapshots" / model.revision
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_model_in_the_hugging_face_cache_is_used_in_place(hub, tmp_path):
    snapshot = hf_cache(tmp_path, MODEL, CONTENTS)
    fetching = hub.fetching(tmp_path / "cache", environ={"HF_HOME": str(tmp_path)}, offline=True)
    assert obtain(MODEL, fetching, Recorder()) == snapshot
    remembered = (tmp_path / "cache" / ".verified.json").stat().st_mtime_ns
    assert obtain(MODEL, fetching, Recorder()) == snapshot  # hashes are remembered, not made anew
    assert (tmp_path / "cache" / ".verified.json").stat().st_mtime_ns == remembered


@pytest.mark.parametrize(
    "files",
    [
        {**CONTENTS, "model.bin": b"short"},
        {**CONTENTS, "model.bin": b"x" * len(CONTENTS["model.bin"])},
        {"model.bin": CONTENTS["model.bin"]},
    ],
)
def test_a_damaged_hugging_face_cache_is_not_used(hub, tmp_path, files):
    hf_cache(tmp_path, MODEL, files)
    fetching = hub.fetching(tmp_path / "cache", environ={"HF_HOME": str(tmp_path)}, offline=True)
    with pytest.raises(DownloadFailed):
        obtain(MODEL, fetching, Recorder())


@pytest.fixture
def golden(hub, tmp_path):
    """An unregistered repository of Transformers weights."""
    files = {path.name: path.read_bytes() for path in GOLDEN.iterdir() if path.suffix != ".npz"}
    hub.list("owner/tune", "main", {**files, "README.md": b"x", "pytorch_model.bin": b"x"})
    return hub


def test_unregistered_transformers_repository_is_converted(golden, tmp_path):
    fetching, progress = golden.fetching(tmp_path), Recorder()
    checkpoint = locate("hf:owner/tune", Settings(), progress, fetching)
    assert (checkpoint.name, checkpoint.n_mels) == ("owner/tune", 80)
    assert checkpoint.path == tmp_path / "owner--tune"
    assert sorted(contents(checkpoint.path)) == [
        *("config.json", "model.bin", "tokenizer.json", "vocabulary.json")
    ]
    assert not any("pytorch" in request.path for request in golden.requests)
    again = locate(
        "owner/tune", Settings(), Recorder(), dataclasses.replace(fetching, offline=True)
    )
    assert again == checkpoint


def test_unregistered_ctranslate2_repository_at_a_revision(golden, tmp_path):
    first = locate("owner/tune", Settings(), Recorder(), golden.fetching(tmp_path)).path
    golden.list("owner/ct2", "v1", contents(first))
    checkpoint = locate("owner/ct2@v1", Settings(), Recorder(), golden.fetching(tmp_path))
    assert checkpoint.path == tmp_path / "owner--ct2@v1"
    assert contents(checkpoint.path) == contents(first)


@pytest.mark.parametrize("name", ["owner/absent", "owner/other"])
def test_unregistered_repository_without_a_model(hub, tmp_path, name):
    hub.list("owner/other", "main", {"weights.gguf": b"x"})
    with pytest.raises(DownloadFailed, match=r"hub: .*(404: it does not exist|has neither)"):
        locate(name, Settings(), Recorder(), hub.fetching(tmp_path))
    with pytest.raises(DownloadFailed, match="hub: switched off"):
        locate(name, Settings(), Recorder(), hub.fetching(tmp_path, offline=True))


def test_unregistered_model_in_the_hugging_face_cache(golden, tmp_path):
    made = locate("owner/tune", Settings(), Recorder(), golden.fetching(tmp_path / "cache")).path
    repository = tmp_path / "hub" / "models--owner--tune"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc\n")
    made.rename(tmp_path / "moved")
    (repository / "snapshots").mkdir()
    (tmp_path / "moved").rename(repository / "snapshots" / "abc")
    fetching = golden.fetching(tmp_path / "cache", environ={"HF_HOME": str(tmp_path)}, offline=True)
    checkpoint = locate("owner/tune", Settings(), Recorder(), fetching)
    assert checkpoint.path == repository / "snapshots" / "abc"


def test_unknown_names(tmp_path):
    fetching = FetchOptions(tmp_path, offline=True, environ={})
    with pytest.raises(ModelNotFound, match="Did you mean 'medium'"):
        locate("mediun", Settings(), Recorder(), fetching)
    with pytest.raises(ModelNotFound):
        locate("base@main", Settings(), Recorder(), fetching)


def test_folders_and_words(tmp_path, monkeypatch):
    """A bare word is a model even where a folder has the same name."""
    fetching = FetchOptions(tmp_path / "cache", offline=True, environ={})
    with pytest.raises(ModelUnusable, match=r"the model folder .* does not exist"):
        locate(str(tmp_path / "gone"), Settings(), Recorder(), fetching)
    with pytest.raises(ModelUnusable, match="the model folder gone does not exist"):
        locate("./gone", Settings(), Recorder(), fetching)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "owner" / "mine").mkdir(parents=True)
    with pytest.raises(DownloadFailed, match="The model 'base'"):
        locate("base", Settings(), Recorder(), fetching)
    with pytest.raises(ModelUnusable, match=r"has no model\.bin"):
        locate("owner/mine", Settings(), Recorder(), fetching)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), "base"),
        (Settings(device="cuda"), "large-v3-turbo"),
        (Settings(model="small.en"), "small.en"),
    ],
)
def test_names_that_mean_the_served_model(tmp_path, settings, expected):
    fetching = FetchOptions(tmp_path, offline=True, environ={})
    for name in ("", "whisper-1", "default"):
        with pytest.raises(DownloadFailed, match=f"The model '{expected}'"):
            locate(name, settings, Recorder(), fetching)


def test_model_path_is_the_served_model(tmp_path):
    fetching = FetchOptions(tmp_path, offline=True, environ={})
    settings = Settings(model_path=GOLDEN)
    assert locate("whisper-1", settings, Recorder(), fetching).vocab_size == 1776
    with pytest.raises(DownloadFailed, match="The model 'tiny'"):
        locate("tiny", settings, Recorder(), fetching)


@pytest.mark.model
def test_a_registered_model_is_recognised_in_any_folder(tmp_path):
    original = locate("tiny.en", Settings()).path
    for file in original.iterdir():
        shutil.copy(file, tmp_path / file.name)
    fetching = FetchOptions(tmp_path / "cache", offline=True, environ={})
    checkpoint = locate(str(tmp_path), Settings(), Recorder(), fetching)
    assert (checkpoint.name, checkpoint.path) == ("tiny.en", tmp_path)


@pytest.mark.model
def test_real_files_have_the_registered_hashes():
    for name in ("tiny.en", "base"):
        folder, model = locate(name, Settings()).path, registry.resolve(name)
        assert model is not None
        for file in model.files:
            assert (folder / file.name).stat().st_size == file.bytes
            assert sha256(folder / file.name) == file.sha256
