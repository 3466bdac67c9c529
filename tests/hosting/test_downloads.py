"""Models that are put on the machine while a server runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auricle.errors import DownloadFailed, Forbidden, ModelNotFound, Overloaded, StorageFull
from auricle.hosting.downloads import Downloads, DownloadStatus
from auricle.models import registry
from tests.server.fake_files import FakeFiles
from tests.waiting import until


@pytest.fixture
def files() -> Iterator[FakeFiles]:
    made = FakeFiles()
    yield made
    made.more.set()
    made.remove()


def small() -> registry.Weights:
    found = registry.resolve("small")
    assert found is not None
    return found


async def status(downloads: Downloads, name: str) -> DownloadStatus:
    [found] = [each for each in await downloads.listed() if each.weights.id == name]
    return found


async def until_over(downloads: Downloads, name: str) -> DownloadStatus:
    await until(lambda: not downloads.n_running)
    return await status(downloads, name)


async def test_every_model_is_listed(files: FakeFiles) -> None:
    files.put("base")
    listed = await files.downloads().listed()
    assert [each.weights.id for each in listed] == [
        *(model.id for model in registry.models()),
        *("speakers", "turns"),
    ]
    assert {each.weights.id for each in listed if each.state == "here"} == {"base"}


async def test_a_model_arrives(files: FakeFiles) -> None:
    downloads = files.downloads()
    started = await downloads.start("Systran/faster-whisper-small")
    assert (started.weights, started.state) == (small(), "downloading")
    n_bytes = small().download_bytes
    await until(files.is_half_way.is_set)
    assert await status(downloads, "small") == DownloadStatus(
        small(), "downloading", n_bytes // 2, memory_bytes=2**30
    )
    assert (await downloads.start("small")).state == "downloading"
    files.more.set()
    await until_over(downloads, "small")
    assert await downloads.start("small") == DownloadStatus(
        small(), "here", n_bytes, memory_bytes=2**30
    )
    assert files.fetched == ["small"]


async def test_what_tells_speakers_can_be_had(files: FakeFiles) -> None:
    files.more.set()
    downloads = files.downloads()
    await downloads.start("speakers")
    found = await until_over(downloads, "speakers")
    assert (found.state, found.memory_bytes) == ("here", None)


async def test_a_download_is_cancelled_and_started_again(files: FakeFiles) -> None:
    downloads = files.downloads()
    await downloads.start("small")
    assert (await downloads.cancel("small")).state == "cancelled"
    assert (await downloads.cancel("small")).state == "cancelled"
    assert (await downloads.start("small")).state == "downloading"
    files.more.set()
    assert (await until_over(downloads, "small")).state == "here"
    assert (await downloads.cancel("base")).state == "absent"


async def test_why_it_failed_is_kept_until_the_next_time(files: FakeFiles) -> None:
    """Once it was told with the folder of the cache, to whoever asked."""
    told = "It is not in the cache: cannot write 'the cache/small'."
    files.failure = DownloadFailed(
        f"It is not in the cache {files.folder}: cannot write '{files.folder}/small'."
    )
    files.more.set()
    downloads = files.downloads()
    await downloads.start("small")
    found = await until_over(downloads, "small")
    assert (found.state, found.failure) == ("failed", told)
    files.failure = None
    await downloads.start("small")
    found = await until_over(downloads, "small")
    assert (found.state, found.failure) == ("here", None)


async def test_what_cannot_be_had_is_refused(files: FakeFiles) -> None:
    downloads = files.downloads()
    with pytest.raises(ModelNotFound, match=r"'smal' is not a known one\. Did you mean 'small'\?"):
        await downloads.start("smal")
    with pytest.raises(ModelNotFound, match="'owner/name' is not a known one"):
        await downloads.cancel("owner/name")
    with pytest.raises(Forbidden, match="the server is offline"):
        await files.downloads(offline=True).start("small")
    files.free_bytes = 400_000_000
    with pytest.raises(StorageFull, match="needs 486 MB on the server's disk, and 400 MB may be"):
        await downloads.start("small")
    assert files.fetched == []


async def test_two_at_a_time(files: FakeFiles) -> None:
    downloads = files.downloads()
    await downloads.start("small")
    await downloads.start("tiny")
    with pytest.raises(Overloaded, match="2 models are being downloaded") as refused:
        await downloads.start("base")
    assert refused.value.retry_after_s == 30
    await downloads.cancel("tiny")
    await until(lambda: downloads.n_running == 1)  # its thread ends a moment later
    await downloads.start("base")


async def test_the_end_of_a_server_ends_them(files: FakeFiles) -> None:
    downloads = files.downloads()
    await downloads.start("small")
    await until(lambda: files.fetched == ["small"])
    await downloads.close()
    assert (await status(downloads, "small")).state == "cancelled"
