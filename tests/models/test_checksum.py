"""Whether a file is the one that was published."""

from __future__ import annotations

from auricle.models import checksum
from auricle.models.registry import ModelFile


def test_mismatch_says_what_differs(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    right = checksum.sha256(path)
    assert checksum.mismatch(path, ModelFile("x", 3, right, True)) is None
    assert checksum.mismatch(path, ModelFile("x", None, None, False)) is None
    assert checksum.mismatch(path, ModelFile("x", 3, "0" * 64, False)) is None
    assert checksum.mismatch(path, ModelFile("x", 3, "0" * 64, True)) == (
        "x differs from the published hash we know"
    )
    assert checksum.mismatch(path, ModelFile("x", 4, right, True)) == "x has 3 bytes instead of 4"
