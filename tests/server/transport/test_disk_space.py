"""What is reserved of the disk for uploads adds up to no more than there is."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from auricle.errors import StorageFull
from auricle.server.transport.disk_space import DiskSpace, Reservation


def test_a_claim_is_kept_from_others_until_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    free = SimpleNamespace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    space, one, two = DiskSpace(min_free_bytes=10), Reservation(), Reservation()
    space.reserve(one, 60)
    with pytest.raises(StorageFull) as caught:
        space.reserve(two, 31)
    assert caught.value.retry_after_s == 10
    space.reserve(two, 30)
    space.reserve(one, 20)  # a block of what is reserved for it
    with space.writing(one, 20):
        pass
    free.free = 80
    with pytest.raises(StorageFull) as caught:
        space.reserve(two, 91)  # more than there is without the others
    assert caught.value.retry_after_s is None
    space.release(one)
    free.free = 100
    space.reserve(two, 90)
    with pytest.raises(StorageFull):
        space.reserve(Reservation(), 1)
