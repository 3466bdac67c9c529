"""The server is announced on the network where that is wanted and of use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from auricle.errors import BadSetting
from auricle.server.wyoming import discovery
from auricle.settings.config import Settings
from tests.server.conftest import settings


class FakeZeroconf:
    """The module zeroconf.asyncio; ``told`` is what it was."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def AsyncServiceInfo(self, kind: str, name: str, **more: Any) -> SimpleNamespace:
        return SimpleNamespace(kind=kind, name=name, **more)

    def AsyncZeroconf(self) -> FakeZeroconf:
        return self

    async def async_register_service(self, service: Any, *, allow_name_change: bool) -> None:
        self.told.append(("register", service))

    async def async_unregister_all_services(self) -> None:
        self.told.append(("unregister", None))

    async def async_close(self) -> None:
        self.told.append(("close", None))


def reached(**changes: object) -> Settings:
    given = {"host": "192.0.2.7", "wyoming_port": 10300, "wyoming_zeroconf": True, "insecure": True}
    return settings(**{**given, **changes})


async def test_it_is_announced_for_as_long_as_it_runs():
    zeroconf = FakeZeroconf()
    found = discovery.package(reached(), lambda _: zeroconf)
    async with discovery.announced(found, reached()):
        [(what, service)] = zeroconf.told
    assert what == "register"
    assert service.kind == "_wyoming._tcp.local."
    assert service.name.startswith("auricle-")
    assert service.name.endswith("._wyoming._tcp.local.")
    assert (service.port, service.parsed_addresses) == (10300, ["192.0.2.7"])
    assert [what for what, _ in zeroconf.told] == ["register", "unregister", "close"]


async def test_it_is_not_unless_wanted():
    assert discovery.package(settings()) is None
    async with discovery.announced(None, settings()):
        pass


@pytest.mark.parametrize("changes", [{"host": "localhost"}, {"wyoming_port": 0}])
def test_what_nobody_reaches_is_not_announced(changes):
    with pytest.raises(BadSetting, match="to other machines, which cannot reach it there"):
        discovery.package(reached(**changes))


def test_the_package_that_is_missing_is_named():
    def load(name: str) -> Any:
        raise ModuleNotFoundError(name)

    with pytest.raises(BadSetting, match=r"pip install 'auricle\[zeroconf\]'"):
        discovery.package(reached(), load)
