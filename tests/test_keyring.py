"""Keys are kept as digests, with what each may take; a running server sees them change."""

from __future__ import annotations

import json
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auricle import keyring
from auricle.errors import BadSetting
from auricle.grants import EVERYTHING, Grant
from auricle.keyring import Keyring, digest

NOW = datetime.now(UTC)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_file_holds_what_a_key_may_take_and_not_the_key(tmp_path: Path):
    path = tmp_path / "new folder" / "keyring.json"
    grant = Grant(("base",), 2, 30.0)
    key = keyring.add(path, "ann", grant, NOW + timedelta(days=1), NOW)
    assert key.startswith("sk-auricle-")
    assert key not in path.read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = Keyring(path).find(digest(key))
    assert found is not None
    assert (found.name, found.grant, found.id) == ("ann", grant, digest(key)[:8])
    assert Keyring(path).find(digest("another")) is None


def test_a_key_without_limits_may_take_everything(tmp_path: Path):
    path = tmp_path / "keyring.json"
    key = keyring.add(path, "ann", EVERYTHING, None, NOW)
    found = Keyring(path).find(digest(key))
    assert found is not None
    assert found.grant == EVERYTHING


def test_a_key_that_has_expired_is_none(tmp_path: Path):
    path = tmp_path / "keyring.json"
    key = keyring.add(path, "ann", EVERYTHING, NOW - timedelta(seconds=1), NOW)
    assert Keyring(path).find(digest(key)) is None


def test_a_time_without_an_offset_is_utc(tmp_path: Path):
    """Each request with such a key was answered 500: it could not be compared."""
    path = tmp_path / "keyring.json"
    keys = [
        {"name": name, "sha256": digest(name), "created": "2026-01-01T00:00:00", "expires": expires}
        for name, expires in (("old", "2026-01-02T00:00:00"), ("new", "2999-01-01T00:00:00"))
    ]
    path.write_text(json.dumps({"keys": keys}))
    found = Keyring(path)
    assert found.find(digest("old")) is None
    assert found.find(digest("new")) is not None


def test_a_file_nested_too_deeply_is_none(tmp_path: Path):
    path = tmp_path / "keyring.json"
    path.write_text('{"keys": [], "a": ' + "[" * 100_000)
    with pytest.raises(BadSetting, match="is no file of auricle keys"):
        Keyring(path)


def test_a_running_server_sees_what_changes(tmp_path: Path):
    path, clock = tmp_path / "keyring.json", Clock()
    ring = Keyring(path, clock)
    key = keyring.add(path, "ann", EVERYTHING, None, NOW)
    assert ring.find(digest(key)) is None
    clock.now_s += keyring.POLL_S
    assert ring.find(digest(key)) is not None
    assert keyring.revoke(path, "ann").id == digest(key)[:8]
    clock.now_s += keyring.POLL_S
    assert ring.find(digest(key)) is None


def test_a_file_that_was_spoilt_changes_nothing_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path, clock = tmp_path / "keyring.json", Clock()
    key = keyring.add(path, "ann", EVERYTHING, None, NOW)
    ring = Keyring(path, clock)
    path.write_text("{")
    for _ in range(2):
        clock.now_s += keyring.POLL_S
        assert ring.find(digest(key)) is not None
    (told,) = caplog.messages
    assert told.startswith(f"the keys stay as they were: {path} (keyring) is no file of auricle")
    with pytest.raises(BadSetting, match="is no file of auricle keys"):
        Keyring(path)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of its own")
def test_who_may_read_the_file_stays_the_same(tmp_path: Path):
    """A service that runs as another user read the keys until one was added."""
    path = tmp_path / "keyring.json"
    keyring.add(path, "ann", EVERYTHING, None, NOW)
    path.chmod(0o644)
    keyring.add(path, "bob", EVERYTHING, None, NOW)
    keyring.revoke(path, "ann")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_names_are_those_of_one_key(tmp_path: Path):
    path = tmp_path / "keyring.json"
    keyring.add(path, "ann", EVERYTHING, None, NOW)
    with pytest.raises(BadSetting, match="has a key for 'ann'; revoke it first"):
        keyring.add(path, "ann", EVERYTHING, None, NOW)
    with pytest.raises(BadSetting, match="has no key for 'bob'"):
        keyring.revoke(path, "bob")
