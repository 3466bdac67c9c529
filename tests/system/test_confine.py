"""A child starts with a short environment, and cannot use what it gave up."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.system import confine

ATTEMPTS = """
import json, os, socket, sys, threading, time
from auricle.system import confine

was_open = open(sys.argv[1])
given_up = confine.restrict(*sys.argv[2:])
heard = []
attempts = {
    "read": was_open.read,
    "compute in a thread": lambda: threading.Thread(target=heard.append, args=("x",)).start(),
    "make a socket": lambda: socket.socket().close(),
    "open": lambda: open(sys.argv[1]).close(),
    "delete": lambda: os.unlink(sys.argv[1] + ".other"),
    "fork": lambda: os.fork() or os._exit(0),
    "run": lambda: os.execv(sys.executable, [sys.executable, "-c", "0"]),
    "signal another": lambda: os.kill(os.getppid(), 0),
}
result = {"given up": given_up}
for name, attempt in attempts.items():
    try:
        attempt()
        result[name] = True
    except PermissionError:
        result[name] = False
print(json.dumps(result))
"""

needs_filters = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="system calls are filtered on these only",
)


def attempted(tmp_path: Path, *rights: str) -> dict[str, bool]:
    path = tmp_path / "file"
    path.write_text("x")
    command = [sys.executable, "-c", ATTEMPTS, str(path), *rights]
    done = subprocess.run(command, capture_output=True, check=True)
    result: dict[str, bool] = json.loads(done.stdout)
    return result


@needs_filters
def test_a_process_that_gave_up_everything_can_still_compute_and_read(tmp_path):
    assert attempted(tmp_path, "network", "processes", "files") == {
        "given up": True,
        "read": True,
        "compute in a thread": True,
        "make a socket": False,
        "open": False,
        "delete": False,
        "fork": False,
        "run": False,
        "signal another": False,
    }


@needs_filters
def test_what_was_not_given_up_stays(tmp_path):
    (tmp_path / "file.other").write_text("")
    found = attempted(tmp_path, "network", "processes")
    assert (found["make a socket"], found["open"], found["delete"]) == (False, True, True)


def test_a_child_starts_without_keys(monkeypatch):
    """The whole environment of the server, its API keys included, used to be handed on."""
    for name in ("AURICLE_API_KEYS", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = confine.environment({"OMP_NUM_THREADS": "1"})
    assert "secret" not in found.values()
    assert found["CUDA_VISIBLE_DEVICES"] == "1"
    assert found["OMP_NUM_THREADS"] == "1"
    assert "PATH" in found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_can_be_made_the_first_to_be_ended():
    code = (
        "from auricle.system import confine; confine.raise_oom_score(700); "
        "print(open('/proc/self/oom_score_adj').read())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [b"700"]
