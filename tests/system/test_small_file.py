"""Files that people wrote, and what may stand in their place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.system import small_file

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")


def test_a_file_is_read_whole(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"\xff\r\nx")
    assert small_file.read(path) == b"\xff\r\nx"
    assert small_file.read(path, max_bytes=4) == b"\xff\r\nx"


def linked_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@POSIX_ONLY
@pytest.mark.parametrize("make", [os.mkfifo, linked_device])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]):
    """A pipe without writer was waited for, and /dev/zero read, for ever."""
    make(tmp_path / "odd")
    with pytest.raises(OSError, match="it is not a regular file"):
        small_file.read(tmp_path / "odd")


@POSIX_ONLY
def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(IsADirectoryError):
        small_file.read(tmp_path)


def test_a_file_above_the_limit_is_refused(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1001)
    with pytest.raises(OSError, match="it is larger than 1,000 bytes"):
        small_file.read(path, max_bytes=1000)


def test_a_file_that_is_missing(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        small_file.read(tmp_path / "missing")
