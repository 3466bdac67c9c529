"""The pool decodes in child processes that can die, lie or be left alone without harm."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import pytest_asyncio

from auricle.errors import AuricleError, BadMedia, Unavailable
from auricle.media import pool as decoder_pool
from auricle.media.decoder import Decoder
from auricle.media.pool import DecoderPool
from auricle.media.protocol import CHUNK_SAMPLES, Close, Closed, Open
from auricle.media.recording import Recording
from auricle.settings.config import Settings
from auricle.speech.source import AudioChunk
from auricle.types import SAMPLE_RATE
from tests.media.media_files import JFK, Format, encoded, jfk, sample

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = Settings(max_decoders=3, max_audio_s=3 * 3600)
POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="no such signals on Windows")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[DecoderPool]:
    pool = DecoderPool(SMALL)
    await pool.start()
    yield pool
    await pool.close()


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """66 s: three chunks."""
    path = tmp_path / "long.flac"
    path.write_bytes(encoded(Format("flac", "flac"), np.tile(jfk(), 6)))
    return path


async def read(pool: DecoderPool, path: Path) -> list[AudioChunk]:
    async with pool.open(path) as recording:
        return [chunk async for chunk in recording]


async def assert_usable(pool: DecoderPool) -> None:
    (chunk,) = await read(pool, JFK)
    np.testing.assert_allclose(chunk.pcm, jfk(), atol=1e-6)


async def test_hands_out_pcm_and_speech_probabilities(pool):
    async with pool.open(JFK) as recording:
        assert recording.duration_s == 0
        (chunk,) = [chunk async for chunk in recording]
        assert recording.duration_s == 11.0
    np.testing.assert_allclose(chunk.pcm, jfk(), atol=1e-6)
    with np.load(Path(__file__).parents[1] / "speech" / "golden_vad.npz") as golden:
        np.testing.assert_allclose(chunk.speech, golden["jfk"], atol=1e-2)


async def test_nobody_listens_for_speech_where_it_is_not_asked_for(pool):
    async with pool.open(JFK, finds_speech=False) as recording:
        (chunk,) = [chunk async for chunk in recording]
    np.testing.assert_allclose(chunk.pcm, jfk(), atol=1e-6)
    assert len(chunk.speech) == 0


async def test_long_recordings_come_in_chunks_without_seams(pool, long_file):
    chunks = await read(pool, long_file)
    assert [len(chunk.pcm) for chunk in chunks] == [
        CHUNK_SAMPLES,
        CHUNK_SAMPLES,
        66 * SAMPLE_RATE - 2 * CHUNK_SAMPLES,
    ]
    pcm = np.concatenate([chunk.pcm for chunk in chunks])
    np.testing.assert_allclose(pcm, np.tile(jfk(), 6), atol=1e-4)
    for chunk in chunks:
        assert len(chunk.speech) == -(-len(chunk.pcm) // 512)


async def test_the_container_is_told_from_its_bytes(pool, tmp_path):
    path = tmp_path / "speech.wav"
    path.write_bytes(sample(Format("ogg", "libopus", 48_000)))
    assert len(await read(pool, path)) == 1
    path = tmp_path / "playlist.mp3"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    with pytest.raises(BadMedia, match="The file is text, not audio"):
        await read(pool, path)


async def test_a_path_is_only_a_path(pool, tmp_path):
    """A name that looks like an address is looked up in the file system, and nowhere else."""
    with pytest.raises(AuricleError, match="cannot be opened: No such file or directory"):
        await read(pool, Path("http://127.0.0.1:9/a.wav"))
    await assert_usable(pool)


async def test_no_descriptor_for_a_recording_is_worth_another_try(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as a fault of the server. The exhaustion is patched: a real one would hit the
    test, too."""

    def exhausted(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", exhausted)
        with pytest.raises(Unavailable) as caught:
            await read(pool, JFK)
    assert (caught.value.code, caught.value.retry_after_s) == ("server_busy", 2.0)
    await assert_usable(pool)


async def test_what_shows_late_is_raised_while_reading(pool, tmp_path):
    path = tmp_path / "short.wav"
    path.write_bytes(sample(Format("wav", "pcm_s16le"), 0.05))
    async with pool.open(path) as recording:
        with pytest.raises(BadMedia) as caught:
            [chunk async for chunk in recording]
    assert caught.value.code == "audio_too_short"
    await assert_usable(pool)


async def test_many_recordings_share_few_children(pool):
    await asyncio.gather(*(assert_usable(pool) for _ in range(12)))
    assert pool._idle.qsize() == decoder_pool.KEPT_DECODERS


async def test_children_are_added_while_others_are_held(long_file):
    pool = DecoderPool(Settings(max_decoders=decoder_pool.KEPT_DECODERS + 2))
    await pool.start()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(decoder_pool.KEPT_DECODERS + 1):
            await stack.enter_async_context(pool.open(long_file))
        await assert_usable(pool)
    assert pool._idle.qsize() == decoder_pool.KEPT_DECODERS
    await pool.close()


async def test_long_recordings_leave_room_for_short_ones(long_file):
    pool = DecoderPool(Settings(max_decoders=decoder_pool.RESERVED_SLOTS + 1))
    await pool.start()
    async with pool.open(long_file, is_long=True):
        second = asyncio.ensure_future(pool.open(long_file, is_long=True).__aenter__())
        await assert_usable(pool)
        await assert_usable(pool)
        assert not second.done()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
    await pool.close()


async def test_a_recording_that_waits_when_the_pool_closes_is_refused(long_file):
    pool = DecoderPool(Settings(max_decoders=2))
    await pool.start()
    async with pool.open(long_file) as held, pool.open(long_file):
        waiting = asyncio.ensure_future(assert_usable(pool))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(Unavailable):
            [chunk async for chunk in held]
    with pytest.raises(Unavailable):
        await waiting


async def test_a_recording_left_early_is_closed_before_the_child_is_lent_again(pool, long_file):
    async with pool.open(long_file) as recording:
        async for _ in recording:
            break
        pid = recording._decoder.pid
    async with pool.open(JFK) as recording:
        assert recording._decoder.pid == pid
        assert sum([len(chunk.pcm) async for chunk in recording]) == 11 * SAMPLE_RATE


async def test_a_cancelled_call_costs_the_child(pool, long_file):
    started = asyncio.Event()
    pids = []

    async def client() -> None:
        async with pool.open(long_file) as recording:
            pids.append(recording._decoder.pid)
            started.set()
            [chunk async for chunk in recording]

    task = asyncio.create_task(client())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with pool.open(JFK) as first, pool.open(JFK) as second:
        assert pids[0] not in (first._decoder.pid, second._decoder.pid)
    await assert_usable(pool)


@POSIX_ONLY
@pytest.mark.parametrize("n_read", [0, 1, 2])
async def test_what_a_dead_child_left_undone_is_done_by_another(pool, long_file, n_read):
    """A recording of which something had been read used to fail with its child."""
    expected = await read(pool, long_file)
    found = []
    async with pool.open(long_file) as doomed, pool.open(long_file) as other:
        if n_read == 0:
            os.kill(doomed._decoder.pid, signal.SIGKILL)
        async for chunk in doomed:
            found.append(chunk)
            if len(found) == n_read:
                os.kill(doomed._decoder.pid, signal.SIGKILL)
        assert doomed.duration_s == 66.0
        assert len([chunk async for chunk in other]) == 3
    assert len(found) == len(expected)
    for chunk, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(chunk.pcm, same.pcm)
        np.testing.assert_array_equal(chunk.speech, same.speech)
    await assert_usable(pool)


class Deadly:
    """A pool whose every next child is ended by a signal before it answers."""

    def __init__(self, pool: DecoderPool, sent: signal.Signals) -> None:
        self._pool = pool
        self._signal = sent
        self.n_killed = 0

    async def take(self) -> Decoder:
        decoder = await self._pool._take()
        os.kill(decoder.pid, self._signal)
        self.n_killed += 1
        return decoder

    async def reading(self, path: Path) -> None:
        recording = Recording(
            Open(os.fsencode(path), 60.0, 600.0), self.take, self._pool._give_back
        )
        try:
            await recording.open()
            [chunk async for chunk in recording]
        finally:
            await recording.close()


@POSIX_ONLY
async def test_a_file_that_crashes_every_child_is_refused(pool, caplog):
    deadly = Deadly(pool, signal.SIGSEGV)
    with pytest.raises(
        BadMedia, match=r"3 times the decoder ended \(killed by SIGSEGV\)"
    ) as caught:
        await deadly.reading(JFK)
    assert (caught.value.param, deadly.n_killed) == ("file", 3)
    told = "the decoder ended (killed by SIGSEGV); another reads its recording again"
    assert [record.getMessage() for record in caplog.records] == [told] * 2
    await assert_usable(pool)


@POSIX_ONLY
async def test_children_ended_from_outside_are_not_the_files_fault(pool):
    """The system ends decoders first where memory runs out, whoever takes it."""
    deadly = Deadly(pool, signal.SIGKILL)
    with pytest.raises(Unavailable, match="killed by SIGKILL") as caught:
        await deadly.reading(JFK)
    assert (caught.value.code, caught.value.retry_after_s) == ("decoder_ended", 5.0)
    await assert_usable(pool)


@POSIX_ONLY
async def test_a_stopped_child_is_noticed_and_its_file_read_by_another(pool, long_file):
    """A stopped decoder used to hold its request for up to 41 minutes."""
    async with pool.open(long_file) as recording:
        stopped = recording._decoder
        stopped.stuck_after_s = 0.1
        os.kill(stopped.pid, signal.SIGSTOP)
        assert len([chunk async for chunk in recording]) == 3
    assert not stopped.usable
    await assert_usable(pool)


async def test_a_sign_of_life_gives_a_child_more_time():
    child = Decoder()
    times_s: list[Any] = []

    class Working:
        async def call(self, _: object) -> Closed:
            for _ in range(2):
                assert child._patience is not None
                times_s.append(child._patience.when())
                await asyncio.sleep(0.001)
                child._note_life()
            return Closed()

    child._child = cast("Any", Working())
    assert await child.call(Close(), Closed) == Closed()
    assert times_s == sorted(set(times_s))
    assert len(times_s) == 2
    child._note_life()  # of an answer that has just come: nobody waits any more


@POSIX_ONLY
async def test_the_systems_processor_limit_is_reported_as_a_limit(pool, long_file):
    async with pool.open(long_file) as recording:
        os.kill(recording._decoder.pid, signal.SIGXCPU)
        with pytest.raises(BadMedia, match=r"the limit of 600 seconds \(max_decode_cpu_s\)"):
            [chunk async for chunk in recording]
    await assert_usable(pool)


async def test_a_child_is_replaced_after_enough_recordings(pool):
    async with pool.open(JFK) as recording:
        pid = recording._decoder.pid
        recording._decoder.n_inputs = decoder_pool.INPUTS_PER_CHILD
    for _ in range(3):
        async with pool.open(JFK) as recording:
            assert recording._decoder.pid != pid


@pytest.mark.parametrize(
    ("memory_gb", "settings", "expected"),
    [
        (24, Settings(), (16, 256)),
        (8, Settings(), (6, 256)),
        (1, Settings(), (1, 256)),
        (24, Settings(max_audio_s=48 * 3600), (5, 928)),
        (24, Settings(max_decoders=2), (2, 256)),
        (None, Settings(), (16, 256)),
    ],
)
async def test_children_together_take_a_share_of_the_machines_memory(memory_gb, settings, expected):
    """Six files of 1.5 kB, which claimed to hold 30 million samples, took 4.8 GB."""
    memory_bytes = None if memory_gb is None else memory_gb * 2**30
    assert decoder_pool.shares(settings, memory_bytes) == expected


async def test_no_more_children_than_the_limit(long_file):
    pool = DecoderPool(Settings(max_decoders=1))
    await pool.start()
    pids = set()

    async def client() -> None:
        async with pool.open(JFK) as recording:
            assert recording._decoder is not None
            pids.add(recording._decoder.pid)
            [chunk async for chunk in recording]

    await asyncio.gather(*(client() for _ in range(4)))
    await pool.close()
    assert len(pids) == 1


async def test_a_child_is_free_once_the_last_chunk_was_read(long_file):
    """A child used to stay with its recording until the transcription was done, so that no more
    than ``max_decoders`` recordings could be open."""
    pool = DecoderPool(Settings(max_decoders=1))
    await pool.start()
    async with pool.open(long_file) as first:
        assert len([chunk async for chunk in first]) == 3
        async with pool.open(JFK) as second:
            assert len([chunk async for chunk in second]) == 1
    await assert_usable(pool)
    await pool.close()


async def test_the_claimed_length_is_known_before_anything_is_decoded(pool, long_file, tmp_path):
    streamed = tmp_path / "streamed.wav"  # as recorders write it: a header of unknown length
    wav = bytearray(JFK.read_bytes())
    size_at = wav.index(b"data") + 4
    wav[size_at : size_at + 4] = b"\xff\xff\xff\xff"
    streamed.write_bytes(wav)
    claims = []
    for path in (JFK, long_file, streamed):
        async with pool.open(path) as recording:
            claims.append(recording.declared_s)
            assert recording.duration_s == 0
    assert claims == [11.0, 66.0, pytest.approx(11.0, abs=0.01)]


async def test_a_closed_pool_refuses_and_open_recordings_fail(long_file):
    pool = DecoderPool(Settings(max_decoders=1))
    await pool.start()
    async with pool.open(long_file) as recording:
        await pool.close()
        with pytest.raises(Unavailable):
            [chunk async for chunk in recording]
    with pytest.raises(Unavailable):
        await assert_usable(pool)
    await pool.close()


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} has no resident size")


def soft_limits(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return {line[:26].strip(): line[26:47].strip() for line in lines[1:]}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_memory_does_not_grow_with_the_length(pool, tmp_path):
    minutes = 10  # 38 MB as pcm
    wav = sample(Format("wav", "pcm_s16le"))
    size_at = wav.index(b"data") + 4
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav[:size_at] + b"\xff\xff\xff\xff" + wav[size_at + 4 :])
        file.truncate(size_at + 4 + minutes * 60 * SAMPLE_RATE * 2)  # the rest is silence
    async with pool.open(path) as recording:
        pid = recording._decoder.pid
        sizes = [resident_kib(pid) async for _ in recording]
    assert recording.duration_s == minutes * 60
    assert max(sizes) - sizes[1] < 8 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_child_has_given_up_what_it_does_not_need(pool):
    async with pool.open(JFK) as recording:
        limits = soft_limits(recording._decoder.pid)
    assert limits["Max data size"] == str(pool._memory_mib * 2**20)
    assert limits["Max open files"] == "16"
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert 600 < int(limits["Max cpu time"]) < 700


async def test_a_system_without_room_for_a_decoder_refuses_recordings_until_it_has(monkeypatch):
    """The server was "starting" for ever when its first decoders could not be started."""
    start = Decoder.start

    async def refuse(_: Settings) -> Decoder:
        raise Unavailable("the decoder could not be started: no file", retry_after_s=5)

    monkeypatch.setattr(Decoder, "start", refuse)
    pool = DecoderPool(Settings(max_decoders=1))
    await pool.start()
    for _ in range(2):
        with pytest.raises(Unavailable, match="the decoder could not be started: no file"):
            await read(pool, JFK)
    monkeypatch.setattr(Decoder, "start", start)
    await assert_usable(pool)
    await pool.close()
