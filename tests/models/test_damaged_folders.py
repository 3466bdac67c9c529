"""Model folders in which anything may stand: each is whole, or an error says what is wrong."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ModelUnusable
from auricle.models import model_bin
from auricle.models.checkpoint import inspect
from auricle.models.convert import convert

GOLDEN = Path(__file__).parent / "golden"
FUZZ = settings(max_examples=60)

NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([-1, 1776, 2**31, 2**63, 2**64]))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=5))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
KEYS = ("alignment_heads", "suppress_ids", "suppress_ids_begin", "lang_ids")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target: Path = tmp_path_factory.mktemp("whole") / "model"
    convert(GOLDEN, target)
    return target


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def config(folder: Path, **changed: object) -> None:
    known = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**known, **changed}))


def whole_or_unusable(folder: Path) -> bool:
    """Whether the folder is whole. Anything but the error for those that are not fails the test."""
    try:
        inspect(folder)
    except ModelUnusable:
        return False
    return True


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"alignment_heads": [[2, 0]]},
            "alignment_heads: there is no head 0 in layer 2; the decoder has 2 layers of 2 heads",
        ),
        (
            {"alignment_heads": [[0, 0], [1, 99]]},
            "alignment_heads: there is no head 99 in layer 1; the decoder has 2 layers of 2 heads",
        ),
        (
            {"alignment_heads": [[-1, 0]]},
            "alignment_heads: there is no head 0 in layer -1; the decoder has 2 layers of 2 heads",
        ),
        (
            {"suppress_ids": [5, 1776]},
            "suppress_ids: there is no token 1776; the model has 0 to 1775",
        ),
        (
            {"suppress_ids_begin": [-1]},
            "suppress_ids_begin: there is no token -1; the model has 0 to 1775",
        ),
        ({"lang_ids": [2**40]}, "lang_ids: there is no token 1099511627776; the model has 0 to"),
        ({"lang_ids": []}, "names no lang_ids to detect a language from"),
        ({"suppress_ids": ["a"]}, r"Expected `int`, got `str` - at `$.suppress_ids[0]`"),
    ],
)
def test_numbers_that_the_engine_would_crash_on(folder: Path, changed: dict[str, Any], message):
    """CTranslate2 reads and writes outside its arrays with them."""
    config(folder, **changed)
    with pytest.raises(ModelUnusable) as caught:
        inspect(folder)
    assert message in caught.value.message
    assert "config.json" in caught.value.message


@pytest.mark.parametrize("missing", ["suppress_ids", "suppress_ids_begin"])
def test_what_the_engine_cannot_do_without(folder: Path, missing: str):
    known = json.loads((folder / "config.json").read_text())
    del known[missing]
    (folder / "config.json").write_text(json.dumps(known))
    with pytest.raises(ModelUnusable, match=f"missing required field `{missing}`"):
        inspect(folder)


def test_null_is_nothing(folder: Path):
    config(folder, alignment_heads=None, suppress_ids=None, suppress_ids_begin=None)
    assert not inspect(folder).aligns


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json"])
@pytest.mark.parametrize(
    "content",
    [
        b'{"a":' * 50_000,
        b"[" * 50_000,
        b'{"alignment_heads": NaN}',
        b'{"a": "\xff"}',
        b'["\\ud800"]',
        b"\xef\xbb\xbf{}",
        b"null",
        b"",
    ],
    ids=[
        "nested objects",
        "nested arrays",
        "NaN",
        "no UTF-8",
        "surrogate",
        "mark",
        "null",
        "empty",
    ],
)
def test_files_that_are_not_what_they_should_be(folder: Path, name: str, content: bytes):
    """A file nested too deeply left the server starting for ever."""
    (folder / name).write_bytes(content)
    with pytest.raises(ModelUnusable, match=f"cannot read .*{name}"):
        inspect(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("name", ["config.json", "vocabulary.json", "model.bin"])
def test_what_is_no_file(folder: Path, name: str, make: Callable[[Path], None]):
    """A pipe for config.json was waited for for ever."""
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(ModelUnusable):
        inspect(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read anything")
def test_a_folder_that_may_not_be_read(folder: Path):
    folder.chmod(0)
    with pytest.raises(ModelUnusable, match=r"cannot read .*: Permission denied"):
        inspect(folder)
    folder.chmod(0o700)


@FUZZ
@given(changed=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1))
def test_any_config(whole: Path, tmp_path: Path, changed: dict[str, Any]):
    target = tmp_path / "model"
    if not target.exists():
        shutil.copytree(whole, target)
    known = json.loads((whole / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**known, **changed}))
    is_whole = whole_or_unusable(target)
    if any(isinstance(value, float) and not math.isfinite(value) for value in changed.values()):
        assert not is_whole


@FUZZ
@given(raw=st.one_of(st.binary(max_size=200), VALUES.map(lambda value: json.dumps(value).encode())))
def test_any_bytes_for_a_config(whole: Path, tmp_path: Path, raw: bytes):
    target = tmp_path / "model"
    if not target.exists():
        shutil.copytree(whole, target)
    (target / "config.json").write_bytes(raw)
    whole_or_unusable(target)


@FUZZ
@given(
    changed=st.dictionaries(st.integers(0, 1775), st.text(max_size=12), max_size=6),
    cut=st.integers(0, 3),
)
def test_any_tokens(whole: Path, tmp_path: Path, changed: dict[int, str], cut: int):
    target = tmp_path / "model"
    if not target.exists():
        shutil.copytree(whole, target)
    tokens = json.loads((whole / "vocabulary.json").read_text())
    for place, token in changed.items():
        tokens[place] = token
    (target / "vocabulary.json").write_text(json.dumps(tokens[: len(tokens) - cut]))
    assert whole_or_unusable(target) <= (cut == 0)


@FUZZ
@given(data=st.data())
def test_any_header_of_the_weights(whole: Path, tmp_path: Path, data: st.DataObject):
    """Numbers anywhere between the arrays: counts, lengths, ranks, shapes, types."""
    content = bytearray((whole / "model.bin").read_bytes())
    spans = [
        (each.offset, each.n_bytes) for each in model_bin.variables(whole / "model.bin").values()
    ]
    begin = 0
    places: list[int] = []
    for offset, n_bytes in sorted(set(spans)):
        places += range(begin, offset)
        begin = offset + n_bytes
    places += range(begin, len(content))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(places))
        new = data.draw(st.one_of(st.binary(min_size=1, max_size=4), st.just(b"\xff" * 4)))
        content[at : at + len(new)] = new
    path = tmp_path / "model.bin"
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2, 40]))])
    found = {}
    with contextlib.suppress(ModelUnusable):
        found = model_bin.variables(path)
    assert all(each.offset + each.n_bytes <= len(content) for each in found.values())
