"""The hub client against a server that cuts, stalls, lies, redirects and refuses."""

from __future__ import annotations

import socket

import pytest

from auricle.errors import DownloadFailed
from auricle.models.hub import NOT_THERE, Hub, Limits
from auricle.models.registry import ModelFile
from tests.models.fake_hub import (
    CONTENTS,
    Recorder,
    closed_port,
    cut_after,
    ignoring_range,
    sending,
    serving,
    small_model,
    stalling_after,
    status,
)

MODEL = small_model()
PLACE = MODEL.mirrors[0]
WEIGHTS = MODEL.files[0]
CONTENT = CONTENTS["model.bin"]
PATH = f"/{MODEL.repo}/resolve/{MODEL.revision}/model.bin"


@pytest.fixture
def hub():
    with serving() as fake:
        fake.add(MODEL, CONTENTS)
        yield fake


def fetch(fake, folder, file=WEIGHTS, limits=None, **environ):
    progress = Recorder()
    progress.start("test", None)
    with Hub({"HF_ENDPOINT": fake.url, **environ}, limits or fake.limits()) as client:
        client.fetch(PLACE, file, folder, progress)
    return progress


def test_plain_fetch_with_progress(hub, tmp_path):
    progress = fetch(hub, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]
    assert progress.counted == [len(CONTENT)]
    assert [request.range for request in hub.requests] == [None]


def test_resumes_after_a_cut(hub, tmp_path):
    hub.script[PATH] = [cut_after(1000), cut_after(500)]
    progress = fetch(hub, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert [request.range for request in hub.requests] == [None, "bytes=1000-", "bytes=1500-"]
    assert progress.counted == [len(CONTENT)]
    assert hub.waits == [1.0, 1.0]  # progress was made each time: the pause does not grow


def test_resumes_what_an_earlier_process_left(hub, tmp_path):
    (tmp_path / "model.bin.part").write_bytes(CONTENT[:700])
    progress = fetch(hub, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert [request.range for request in hub.requests] == ["bytes=700-"]
    assert progress.counted == [len(CONTENT)]


def test_a_whole_part_needs_no_request(hub, tmp_path):
    (tmp_path / "model.bin.part").write_bytes(CONTENT)
    assert fetch(hub, tmp_path).counted == [len(CONTENT)]
    assert hub.requests == []


def test_a_verified_file_needs_no_request(hub, tmp_path):
    (tmp_path / "model.bin").write_bytes(CONTENT)
    assert fetch(hub, tmp_path).counted == [len(CONTENT)]
    assert hub.requests == []


def test_a_damaged_file_left_by_others_is_replaced(hub, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x" * len(CONTENT))
    fetch(hub, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_a_server_that_ignores_range_starts_over(hub, tmp_path):
    (tmp_path / "model.bin.part").write_bytes(CONTENT[:700])
    hub.script[PATH] = [ignoring_range]
    progress = fetch(hub, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert progress.counted == [len(CONTENT)]


def test_range_beyond_the_end_starts_over(hub, tmp_path):
    (tmp_path / "model.bin.part").write_bytes(CONTENT[:700])
    hub.script[PATH] = [status(416)]
    progress = fetch(hub, tmp_path)
    assert [request.range for request in hub.requests] == ["bytes=700-", None]
    assert progress.counted == [len(CONTENT)]


def test_wrong_bytes_are_fetched_once_more(hub, tmp_path):
    hub.script[PATH] = [sending(b"x" * len(CONTENT))]
    progress = fetch(hub, tmp_path)
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert progress.counted == [len(CONTENT)]


def test_wrong_bytes_twice_are_an_error_and_leave_nothing(hub, tmp_path):
    hub.script[PATH] = [sending(b"x" * len(CONTENT)), sending(b"y" * len(CONTENT))]
    with pytest.raises(DownloadFailed) as failed:
        fetch(hub, tmp_path)
    assert failed.value.message == (
        "model.bin differs from the published hash we know, twice; the hub or a proxy changed it"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_longer_file_is_not_read_to_its_end(hub, tmp_path):
    hub.script[PATH] = [sending(CONTENT + b"x" * 5_000_000), sending(CONTENT + b"x")]
    with pytest.raises(DownloadFailed, match=r"model\.bin has .* bytes instead of 512,000"):
        fetch(hub, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_file_of_unknown_size(hub, tmp_path):
    fetch(hub, tmp_path, ModelFile("model.bin", None, None, False))
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("code", "environ", "hint"),
    [
        (401, {}, "it does not exist, or is private: set HF_TOKEN"),
        (403, {"HF_TOKEN": "secret"}, "HF_TOKEN does not give access"),
        (404, {}, "it does not exist"),
    ],
)
def test_refusals_that_another_repository_may_mend(hub, tmp_path, code, environ, hint):
    hub.script[PATH] = [status(code)]
    with pytest.raises(DownloadFailed, match=f"answered {code}: {hint}") as failed:
        fetch(hub, tmp_path, **environ)
    assert failed.value.code == NOT_THERE
    assert "secret" not in failed.value.message
    assert hub.waits == []


def test_unexpected_status(hub, tmp_path):
    hub.script[PATH] = [status(418)]
    with pytest.raises(DownloadFailed, match="answered 418") as failed:
        fetch(hub, tmp_path)
    assert failed.value.code is None


def test_retry_after_is_honoured(hub, tmp_path):
    hub.script[PATH] = [status(429, Retry_After="7"), status(503)]
    fetch(hub, tmp_path)
    assert hub.waits == [7.0, 2.0]


def test_retry_after_is_bounded(hub, tmp_path):
    hub.script[PATH] = [status(429, Retry_After="3600")]
    with pytest.raises(DownloadFailed, match="answered 429; the hub asks to wait 3600 s"):
        fetch(hub, tmp_path)
    assert hub.waits == []


def test_server_errors_are_retried_so_often_and_no_more(hub, tmp_path):
    hub.script[PATH] = [status(500)] * 9
    with pytest.raises(DownloadFailed, match=r"answered 500 \(3 attempts\)"):
        fetch(hub, tmp_path)
    assert hub.waits == [1.0, 2.0]


def test_a_stall_is_noticed_and_resumed(hub, tmp_path):
    hub.script[PATH] = [stalling_after(300)]
    fetch(hub, tmp_path, limits=hub.limits(stall_s=1.0))
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    assert [request.range for request in hub.requests] == [None, "bytes=300-"]


def test_a_stall_that_lasts_is_an_error_that_keeps_what_came(hub, tmp_path):
    hub.script[PATH] = [stalling_after(300), stalling_after(0), stalling_after(0)]
    with pytest.raises(DownloadFailed, match=r"nothing received for 0.1 s \(3 attempts\)"):
        fetch(hub, tmp_path, limits=hub.limits(stall_s=0.1))
    assert not (tmp_path / "model.bin").exists()


def test_a_hub_that_accepts_and_says_nothing_is_not_tried_again(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        waits: list[float] = []
        limits = Limits(stall_s=0.1, sleep=waits.append)
        with (
            Hub({"HF_ENDPOINT": f"http://127.0.0.1:{listener.getsockname()[1]}"}, limits) as client,
            pytest.raises(DownloadFailed, match=r"nothing received for 0\.1 s$"),
        ):
            client.fetch(PLACE, WEIGHTS, tmp_path, Recorder([("", None)], [0]))
    assert waits == []


def test_token_stays_with_the_hub(hub, tmp_path):
    """Large files live on another host; a token sent there would leak."""
    with serving() as storage:
        storage.files["/blob"] = CONTENT
        hub.script[PATH] = [status(302, Location=f"{storage.url}/blob")]
        fetch(hub, tmp_path, HF_TOKEN="secret")
        assert [request.authorization for request in hub.requests] == ["Bearer secret"]
        assert [request.authorization for request in storage.requests] == [None]
    assert (tmp_path / "model.bin").read_bytes() == CONTENT


def test_a_renamed_repository_is_followed(hub, tmp_path):
    hub.script[PATH] = [status(307, Location=PATH.replace("owner", "new-owner"))]
    hub.files[PATH.replace("owner", "new-owner")] = CONTENT
    fetch(hub, tmp_path, HF_TOKEN="secret")
    assert [request.authorization for request in hub.requests] == ["Bearer secret"] * 2


def test_closed_port():
    port = closed_port()
    with pytest.raises(DownloadFailed, match=f"127.0.0.1:{port} cannot be reached"):
        Hub({"HF_ENDPOINT": f"http://127.0.0.1:{port}"})


def test_unknown_host():
    with pytest.raises(DownloadFailed, match=r"hub\.invalid:443 (cannot be reached|does not)"):
        Hub({"HF_ENDPOINT": "https://hub.invalid/"}, Limits(connect_s=1.0))


def test_a_host_that_never_answers():
    """A backlog that is full swallows connections as a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        with pytest.raises(DownloadFailed, match=r"no connection within 0\.2 s"):
            Hub({"HF_ENDPOINT": f"http://127.0.0.1:{port}"}, Limits(connect_s=0.2))
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("endpoint", ["ftp://hub", "hub.example", "http://"])
def test_an_endpoint_that_is_no_address(endpoint):
    with pytest.raises(DownloadFailed, match="is not an http or https address"):
        Hub({"HF_ENDPOINT": endpoint})


def test_no_tls_where_it_is_expected_fails_at_once(hub, tmp_path):
    """A proxy's own certificate, or none, is no reason to try five times."""
    endpoint = hub.url.replace("http:", "https:")
    with (
        Hub({"HF_ENDPOINT": endpoint}, hub.limits()) as client,
        pytest.raises(DownloadFailed, match="cannot be reached"),
    ):
        client.fetch(PLACE, WEIGHTS, tmp_path, Recorder([("", None)], [0]))
    assert hub.waits == []


def test_the_proxy_is_what_has_to_be_reached(monkeypatch):
    port = closed_port()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    with pytest.raises(DownloadFailed, match=f"127.0.0.1:{port} cannot be reached"):
        Hub({"HF_ENDPOINT": "https://hub.invalid"})


def test_list_files(hub):
    hub.list("owner/tune", "main", {"model.bin": b"123", "config.json": b"{}", "sub/x.bin": b""})
    with Hub({"HF_ENDPOINT": hub.url}, hub.limits()) as client:
        listing = client.list_files("owner/tune", "main")
    assert listing.commit == "c" * 40
    assert listing.files == (
        ModelFile(
            "model.bin", 3, "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3", True
        ),
        ModelFile("config.json", 2, None, False),
    )


def test_list_of_something_else(hub):
    hub.files["/api/models/owner/tune/revision/main?blobs=true"] = b"<html>"
    with (
        Hub({"HF_ENDPOINT": hub.url}, hub.limits()) as client,
        pytest.raises(DownloadFailed, match="did not answer with a list of files"),
    ):
        client.list_files("owner/tune", "main")


def test_an_unreachable_hub_costs_at_most_three_seconds():
    assert Limits().connect_s <= 3.0
