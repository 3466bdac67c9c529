"""What every test here needs."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def loopback_without_proxy(monkeypatch):
    """The fake hub is on this machine, whatever proxy the user has."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
