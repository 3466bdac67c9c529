"""Uploads of servers that were killed, and of those that live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.server.transport.spool import Spool, clear

KILLED = """
import os, tempfile
from auricle.server.transport.spool import Spool
tempfile.tempdir = {folder!r}
spool = Spool()
with spool.kept():
    os.close(spool.new()[0])
    os._exit(9)  # as kill -9 ends it: nothing is cleaned up
"""


def _upload(owner: Spool) -> Path:
    descriptor, path = owner.new()
    os.close(descriptor)
    return path


def _killed(folder: Path) -> None:
    code = KILLED.format(folder=str(folder))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9


def test_uploads_of_the_dead_are_deleted_and_those_of_the_living_are_not(
    spool: Path,
) -> None:
    """Uploads of a server ended with kill -9 stayed on the disk for good."""
    _killed(spool)
    assert sorted(path.suffix for path in spool.iterdir()) == [".lock", ".upload"]
    other = Spool()
    with other.kept():
        theirs = _upload(other)
        with Spool().kept():
            assert [path for path in spool.iterdir() if path.suffix != ".lock"] == [theirs]
        theirs.unlink()
    assert list(spool.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_files_that_are_no_uploads_of_a_dead_server_are_left_alone(spool: Path) -> None:
    target = spool / "precious"
    target.write_text("mine")
    (spool / "auricle-0.lock").symlink_to(target)
    (spool / "auricle-0-a.upload").write_text("")
    (spool / "auricle-1-a.upload").write_text("")  # of a server nobody knows
    before = sorted(spool.iterdir())
    clear(spool)
    assert (sorted(spool.iterdir()), target.read_text()) == (before, "mine")


def test_a_folder_where_nothing_can_be_locked_stops_nobody(
    spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool.rmdir()
    spool.write_text("not a folder")
    with Spool().kept():
        assert "uploads will stay in" in caplog.text


def test_what_is_done_once_an_upload_is_over_leaves_nothing(spool: Path) -> None:
    """Where no thread could be started, another did the work later, and its file stayed."""
    with Spool().upload() as upload:
        file = upload.file()
    with pytest.raises(ValueError, match="has ended"):
        file.write(b"late")
    with pytest.raises(ValueError, match="has ended"):
        upload.new()
    assert list(spool.iterdir()) == []
