"""The paths of other servers are there unless the operator does without them."""

from __future__ import annotations

import pytest

from auricle.settings.config import load
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS = (
    *("/inference", "/asr", "/detect-language"),
    *("/v1/init", "/v1/reset", "/v1/unload", "/v1/shutdown"),
)


async def test_they_can_be_left_out() -> None:
    runtime = FakeRuntime(settings(compat_apis=False))
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        answers = [await http.post(path) for path in PATHS]
        answers.append(await http.get("/v1/status"))
    assert [answer.status_code for answer in answers] == [404] * (len(PATHS) + 1)


async def test_the_setting_is_known_by_its_old_name() -> None:
    assert load({"doors": False}, {}).compat_apis is False
    assert load({}, {"AURICLE_DOORS": "off"}).compat_apis is False
