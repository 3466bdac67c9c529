"""The paths of other servers are there unless the operator does without them."""

from __future__ import annotations

import pytest

from auricle.config import load
from tests.server.conftest import serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_they_can_be_left_out() -> None:
    runtime = FakeRuntime(settings(compat_apis=False))
    async with serving(runtime) as served, served.http() as http:
        await runtime.started.wait()
        answers = [await http.post(path) for path in ("/inference", "/asr", "/detect-language")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_the_setting_is_known_by_its_old_name() -> None:
    assert load({"doors": False}, {}).compat_apis is False
    assert load({}, {"AURICLE_DOORS": "off"}).compat_apis is False
