"""Downloads and the machine over HTTP."""

from __future__ import annotations

import pytest

from auricle.hosting.downloads import DownloadStatus
from auricle.models import registry
from auricle.server import downloads
from tests.server.conftest import Served, serving, settings
from tests.server.fakes import FakeRuntime

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = {
    "id": "small",
    "object": "download",
    "state": "absent",
    "bytes": 486212372,
    "received_bytes": 0,
    "reason": None,
    "transcribes": True,
    "languages": 99,
    "translates": True,
    "memory_mb": 1024,
    "fits": True,
}


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime(settings(memory_mb=2000))


async def test_a_model_is_downloaded_and_cancelled(runtime: FakeRuntime) -> None:
    async with serving(runtime) as served, served.http() as http:
        listed = (await http.get("/v1/downloads")).json()
        assert (listed["object"], listed["refusal"]) == ("list", None)
        by_name = {each["id"]: each for each in listed["data"]}
        assert len(by_name) == len(registry.models()) + 2
        assert by_name["small"] == SMALL
        assert [by_name["speakers"][name] for name in ("transcribes", "languages", "fits")] == [
            *(False, None, None)
        ]
        started = await http.post("/v1/models/Systran%2Ffaster-whisper-small/download")
        assert (started.status_code, started.json()["state"]) == (202, "downloading")
        ended = await http.delete("/v1/models/small/download")
        assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")
        runtime.files.put("small")
        here = await http.post("/v1/models/small/download")
        assert (here.status_code, here.json()) == (
            200,
            {**SMALL, "state": "here", "received_bytes": SMALL["bytes"]},
        )


@pytest.mark.parametrize(
    ("free_bytes", "name", "status", "code"),
    [
        (10**12, "smal", 404, "model_not_found"),
        (10**12, "owner/name", 404, "model_not_found"),
        (1000, "small", 507, "disk_full"),
    ],
)
async def test_refusals(
    runtime: FakeRuntime, free_bytes: int, name: str, status: int, code: str
) -> None:
    runtime.files.free_bytes = free_bytes
    async with serving(runtime) as served, served.http() as http:
        answer = await http.post(f"/v1/models/{name}/download")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_an_offline_server_says_so_before_it_is_asked(runtime: FakeRuntime) -> None:
    runtime.downloads = runtime.files.downloads(offline=True)
    async with serving(runtime) as served, served.http() as http:
        listed = (await http.get("/v1/downloads")).json()
        answer = await http.post("/v1/models/small/download")
    assert listed["refusal"] == downloads.OFFLINE
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "offline")


async def test_others_than_the_own_machine_may_not_unless_requests_may_fetch() -> None:
    """A proxy on this machine tells who asks."""
    elsewhere = {"x-forwarded-for": "192.0.2.7"}
    async with serving(FakeRuntime(settings())) as served, served.http() as http:
        listed = (await http.get("/v1/downloads", headers=elsewhere)).json()
        answers = [
            await http.request(method, "/v1/models/small/download", headers=elsewhere)
            for method in ("POST", "DELETE")
        ]
        assert served.runtime.files.fetched == []
    assert listed["refusal"] == downloads.NOT_HERE
    assert [(each.status_code, each.json()["error"]["code"]) for each in answers] == [
        (403, "download_not_allowed")
    ] * 2
    open_to_all = FakeRuntime(settings(fetch_on_request=True))
    async with serving(open_to_all) as served, served.http() as http:
        answer = await http.post("/v1/models/small/download", headers=elsewhere)
    assert answer.status_code == 202


async def test_keys_are_asked_for(served: Served) -> None:
    async with (
        serving(FakeRuntime(settings(api_keys=("right-key",)))) as closed,
        closed.http() as http,
    ):
        asked = ("/v1/downloads", "/v1/machine")
        assert [(await http.get(path)).status_code for path in asked] == [401, 401]
        assert (await http.post("/v1/models/small/download")).status_code == 401


async def test_what_the_machine_has(served: Served) -> None:
    """Without paths and settings, which are the operator's."""
    async with served.http() as http:
        answer = await http.get("/v1/machine")
    assert answer.json() == {
        "machine": {
            "auricle": "0.1.0",
            "system": "Linux",
            "processor": "Zilog Z80",
            "vector instructions": "unknown",
            "usable cores": "2 of 2",
            "usable memory": "7.0 of 8.0 GB",
            "NVIDIA driver": "none",
            "usable GPUs": "0",
        },
        "plan": {
            "device": "cpu",
            "compute type": "int8",
            "parallel work": "2 workers of 1 thread",
            "engine": "ctranslate2",
            "free disk": "20.5 GB",
        },
        "problems": [{"what": "the fan is loud", "way_out": "hold it still", "is_fatal": False}],
    }


async def test_a_key_for_some_models_may_have_those_downloaded() -> None:
    assert downloads._allowed("small", ())
    assert downloads._allowed("small", ("base", "openai/whisper-small"))
    assert not downloads._allowed("small", ("base",))
    assert DownloadStatus(registry.SPEAKERS, "absent").received_bytes == 0
