"""What documents and lock files must and must not say."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

from auricle import __version__
from auricle.cli import settings_doc
from auricle.settings.config import Settings
from tests.rules import source

LOCKS = ("runtime.lock", "dev.lock", "bench.lock")

PYPI = "py" + "pi"
HOSTS = (
    rf"{PYPI}\.(org|python)",
    rf"files\.{PYPI[:2]}thonhosted",
    r"registry\.np" + r"mjs",
    r"deb\.deb" + r"ian",
    r"https?://[\w.-]*/sim" + r"ple\b",
)
"""Where packages come from is the user's choice: `pip` and its settings know it."""

MACHINE = tuple(
    rf"{path}(?<![\w.]{path})" for path in ("/wo" + "rk/", "/ro" + "ot/", "/opt/py" + "pi")
)
"""Paths that exist on one machine only."""

BINARIES = (
    "docs/pictures/*.png",
    "samples/*.wav",
    "src/auricle/hosting/trial_clip.npy",
    "src/auricle/server/page/built/sample.mp3",
    "src/auricle/speakers/band_mean.npy",
    "src/auricle/speech/silero_vad.npz",
    "tests/*/golden*.npz",
    "tests/models/golden/model.safetensors",
    "tests/parity/clips/*.flac",
)
"""All that is not text: pictures, clips, weights of the voice detector, what tests compare with."""

LEFT_BEHIND = (".coverage*", "*.tmp", "*.log", "*.orig", "*.rej", "*.pyc", ".DS_Store")
"""Names of files that programs leave behind."""


def read(name: str) -> str:
    return (source.ROOT / name).read_text(encoding="utf-8")


def test_the_settings_page_is_up_to_date():
    assert read("docs/settings.md") == settings_doc.page()


def test_every_setting_is_documented():
    page = read("docs/settings.md")
    assert [each.name for each in fields(Settings) if f"| `{each.name}`" not in page] == []


def test_every_setting_says_what_it_means():
    assert [each.name for each in fields(Settings) if not each.metadata["help"]] == []


def test_the_first_screen_of_the_readme_has_the_two_commands():
    first_screen = "\n".join(read("README.md").splitlines()[:24])
    assert "git clone" in first_screen
    assert re.search(r"^ *make serve( |$)", first_screen, re.MULTILINE)


def test_decisions_that_modules_point_to_are_there():
    sections = set(re.findall(r"^## (.+)$", read("docs/decisions.md"), re.MULTILINE))
    named = {
        (source.relative(path), section)
        for path in source.all_modules()
        for section in re.findall(r"docs/decisions\.md, ([\w ]+)\.", path.read_text("utf-8"))
    }
    assert len(named) > 20
    assert {each for each in named if each[1] not in sections} == set()


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_pages_name_are_there(page):
    files = [path.as_posix() for path in source.tracked()]
    named = re.findall(r"`([\w/]+\.py)`", read(page))
    assert [name for name in named if not any(file.endswith(f"/{name}") for file in files)] == []


def test_links_between_pages_lead_somewhere():
    lost = [
        f"{page}: {link}"
        for page, text in contents().items()
        if page.endswith(".md")
        for link in re.findall(r"\]\(([^)\s]+)\)", text or "")
        if "://" not in link and not _leads_somewhere(source.ROOT / page, link)
    ]
    assert lost == []


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not anchor or target.suffix != ".md" or not target.exists():
        return target.exists()
    titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def test_tests_that_the_makefile_names_are_there():
    """`make quick` named files that had moved, and every run of it failed."""
    makefile = read("Makefile").replace("\\\n", " ")
    listed = re.search(r"^QUICK := \$\(addprefix tests/,([^)]*)\)", makefile, re.MULTILINE)
    assert listed is not None
    named = {f"tests/{name}" for name in listed[1].split()}
    named |= set(re.findall(r"pytest (tests/[\w/.]+)", makefile))
    assert len(named) > 10
    assert sorted(name for name in named if not (source.ROOT / name).exists()) == []


def test_the_changelog_has_this_version():
    assert f"## [{__version__}]" in read("CHANGELOG.md")


def test_the_version_is_written_once_more_in_the_project_file():
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == __version__


@pytest.mark.parametrize(
    "name", [*LOCKS, "openvino.lock", "parity.lock", "parity-cuda.lock", "parity-cpu.lock"]
)
def test_a_lock_holds_versions_and_hashes_only(name):
    allowed = re.compile(r"[a-z0-9-]+==[\w.+]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    strange = [
        line for line in read(f"requirements/{name}").splitlines() if not allowed.fullmatch(line)
    ]
    assert strange == []


def test_pytorch_without_cuda_is_of_the_version_that_is_locked():
    """`parity-cpu.lock` is written by hand."""
    without = read("requirements/parity-cpu.lock").split()[0]
    assert without.removesuffix("+cpu") in read("requirements/parity.lock").split()


def test_each_lock_holds_the_one_before():
    pinned = re.compile(r"^[a-z0-9-]+==.*(?= \\$)", re.MULTILINE)
    runtime, dev, bench = (set(pinned.findall(read(f"requirements/{name}"))) for name in LOCKS)
    assert runtime - dev == set()
    assert dev - bench == set()


@pytest.mark.parametrize("patterns", [HOSTS, MACHINE], ids=["registry hosts", "machine paths"])
def test_no_tracked_file_names(patterns):
    found = [
        f"{name}: {match[0]}"
        for name, text in contents().items()
        for pattern in patterns
        if text is not None and (match := re.search(pattern, text))
    ]
    assert found == []


def test_no_binary_is_tracked_but_those_named_here():
    binaries = [name for name, text in contents().items() if text is None]
    assert [name for name in binaries if not _is_one_of(name, BINARIES)] == []
    assert [
        each for each in BINARIES if not any(fnmatchcase(name, each) for name in binaries)
    ] == []


def test_nothing_that_programs_leave_behind_is_tracked():
    assert [path for path in source.tracked() if _is_one_of(path.name, LEFT_BEHIND)] == []


def _is_one_of(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@cache
def contents() -> dict[str, str | None]:
    """The text of every tracked file; None for one that is none."""
    return {
        path.relative_to(source.ROOT).as_posix(): _text(path.read_bytes())
        for path in source.tracked()
    }


def _text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
