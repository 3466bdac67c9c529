"""What a server takes from its settings while it runs, and what it leaves for the next start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from auricle.errors import Unauthorized
from auricle.server.access.keys import ApiKeys
from auricle.server.reloading import Reloading
from auricle.server.serve import _hangup_reloads
from tests.server.conftest import Log, settings
from tests.server.fakes import FakeRuntime


def test_keys_and_limits_are_taken_and_the_rest_is_said(tmp_path: Path, log: Log):
    file = tmp_path / "keys"
    file.write_text("sk-ann")
    now = settings(api_keys_file=file)
    runtime, keys = FakeRuntime(now), ApiKeys.of(now)
    file.write_text("sk-bob")
    new = settings(api_keys_file=file, max_upload_mb=7, port=1234)
    Reloading(runtime, keys, lambda: new)()
    keys.check("sk-bob")
    with pytest.raises(Unauthorized):
        keys.check("sk-ann")
    assert (runtime.settings.max_upload_mb, runtime.settings.port) == (7, 0)
    assert log.lines == [
        "took keys, max_upload_mb",
        "these settings change with the next start: port",
    ]


def test_what_is_wrong_changes_nothing(tmp_path: Path, log: Log):
    file = tmp_path / "keys"
    file.write_text("sk-ann")
    now = settings(api_keys_file=file)
    runtime, keys = FakeRuntime(now), ApiKeys.of(now)
    file.write_text("# nobody")
    Reloading(runtime, keys, lambda: settings(api_keys_file=file, max_upload_mb=7))()
    keys.check("sk-ann")
    assert runtime.settings == now
    (line,) = log.lines
    assert line.startswith("the settings stay as they were: ")


def test_a_server_for_others_does_not_lose_its_keys(log: Log):
    now = settings(host="0.0.0.0", api_keys=("sk-ann",))
    runtime, keys = FakeRuntime(now), ApiKeys.of(now)
    Reloading(runtime, keys, lambda: settings(host="0.0.0.0"))()
    keys.check("sk-ann")
    with pytest.raises(Unauthorized):
        keys.check("")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
async def test_the_signal_reads_the_settings_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "isatty", lambda descriptor: False)
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_DFL)
    reloaded = asyncio.Event()
    with _hangup_reloads(reloaded.set):
        os.kill(os.getpid(), signal.SIGHUP)
        await reloaded.wait()
