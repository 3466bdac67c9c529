"""``auricle bench live``: streams are played at their pace and counted, in two dialects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from auricle.cli.listening.remote_options import RemoteOptions
from auricle.cli.listening.speech import Caption, FinishedTurn, SpeechEvent
from auricle.cli.main import run
from auricle.errors import AuricleError
from auricle.types import Pcm
from auricle_bench.live import deepgram, report
from auricle_bench.live.measures import Reference
from auricle_bench.live.offline import error_rate
from auricle_bench.live.played import PAUSE_S, Played, streams, timed_clips
from auricle_bench.live.run import Streams, measured, one, summarised
from auricle_bench.summary import Percentiles, Usage
from tests.audio_files import SAMPLES
from tests.bench.fake_server import FakeServer, in_thread, json_answer

SAID = Reference("ask not", "en", (("ask", 0.4), ("not", 0.8)))
PLAYED = Played(np.zeros(16_000, np.float32), SAID, (0.8,))


class Clock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        await asyncio.sleep(0)


class FakeSpeech:
    """Says what it should once so much was sent, and that it is over when it is."""

    def __init__(
        self, *says: tuple[float, SpeechEvent], failure: AuricleError | None = None
    ) -> None:
        self._says = list(says)
        self._failure = failure
        self._heard: asyncio.Queue[SpeechEvent | None] = asyncio.Queue()
        self.n_samples = 0
        self.sent_at: list[float] = []

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[FakeSpeech]:
        if self._failure is not None:
            raise self._failure
        yield self

    async def send(self, pcm: Pcm) -> None:
        self.n_samples += len(pcm)
        while self._says and self._says[0][0] <= self.n_samples / 16_000:
            self._heard.put_nowait(self._says.pop(0)[1])

    async def finish(self) -> None:
        for _, heard in self._says:
            self._heard.put_nowait(heard)
        self._heard.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[SpeechEvent]:
        while (heard := await self._heard.get()) is not None:
            yield heard


TALK = (
    (0.5, Caption("", "ask")),
    (0.7, Caption("ask", " hot")),
    (0.9, Caption("ask", " not")),
    (1.0, FinishedTurn(0.0, 0.8, "ask not")),
)


async def test_a_stream_is_sent_at_its_pace():
    clock, speech = Clock(), FakeSpeech(*TALK)
    log = await one(speech.opened, PLAYED, clock.sleep, clock)
    assert [heard for _, heard in log.heard] == [heard for _, heard in TALK]
    assert [at_s for at_s, _ in log.heard] == [pytest.approx(at_s, abs=0.06) for at_s, _ in TALK]
    assert (log.failure, log.worst_late_s) == (None, 0.0)
    assert clock.now_s == pytest.approx(1.0)


async def test_streams_are_counted():
    clock = Clock()
    log = await one(FakeSpeech(*TALK).opened, PLAYED, clock.sleep, clock)
    found = summarised([log], Usage(cpu_s=0.25, peak_rss_bytes=3_000_000))
    assert found.tentative is not None
    assert found.commit is not None
    assert found.final is not None
    assert found.tentative.p50_s == pytest.approx(0.1, abs=0.06)  # ask at 0.5, not at 0.9
    assert found.commit.p50_s == pytest.approx(0.25, abs=0.06)  # 0.7 and 1.0
    assert found.final.p50_s == pytest.approx(0.2, abs=0.06)
    assert (found.corrections, found.n_retracted) == (60.0, 0)  # hot, in a second
    assert (found.n_words, found.n_errors, found.error_rate) == (2, 0, 0.0)
    assert (found.cpu_share, found.rss_bytes) == (0.25, 3_000_000)


async def test_what_is_taken_back_is_a_retraction():
    says = (
        (0.5, Caption("ask hot")),
        (0.9, Caption("ask not")),
        (1.0, FinishedTurn(0.0, 1.0, "ask not")),
    )
    clock = Clock()
    log = await one(FakeSpeech(*says).opened, PLAYED, clock.sleep, clock)
    assert summarised([log]).n_retracted == 1


async def test_a_number_that_grows_is_no_retraction():
    """Counted as words, "two" would have become "2000"."""
    says = ((0.5, Caption("two")), (0.9, Caption("two thousand")))
    clock = Clock()
    log = await one(FakeSpeech(*says).opened, PLAYED, clock.sleep, clock)
    assert summarised([log]).n_retracted == 0


async def test_a_server_that_refuses_is_counted_as_such():
    refusal = AuricleError("no room")
    speeches = iter([FakeSpeech(*TALK), FakeSpeech(failure=refusal)])
    clock = Clock()
    found = await measured(lambda: next(speeches).opened(), [PLAYED, PLAYED], None, clock.sleep)
    assert (found.n_streams, found.n_failed, found.complaint) == (2, 1, "no room")
    assert found.n_words == 2


async def test_a_server_on_this_machine_is_watched():
    found = await measured(FakeSpeech(*TALK).opened, [PLAYED], os.getpid(), Clock().sleep)
    assert found.server is not None
    assert found.server.cpu_s >= 0


def test_a_line_for_people():
    times = Percentiles(0.5, 1.25, 1.5)
    used = Usage(6.0, 8_000_000)
    found = Streams(4, 1, 30.0, times, times, None, 12.34, 0, 50, 5, 0.5, used, None, 0.08)
    assert report.row(found) == (
        *("4", "1", "0.50 / 1.25 / 1.50", "0.50 / 1.25 / 1.50", "", "12.3", "0", "10.0% (8.0%)"),
        *("20%", "2 MB"),
    )
    assert report.remarks(found) == ["this client sent 0.50 s late at worst: do not believe it"]


def test_of_streams_that_all_failed_nothing_is_said_but_why():
    found = Streams(1, 1, 0.0, None, None, None, 0.0, 0, 0, 0, 0.0, None, "no such model", None)
    assert report.row(found) == ("1", "1", *([""] * 8))
    assert report.remarks(found) == ["1 failed; the first: no such model"]


def corpus(folder: Path, **changes: object) -> Path:
    (folder / "jfk.wav").write_bytes((SAMPLES / "jfk.wav").read_bytes())
    words = [["and", 0.3, 0.6], ["so", 0.6, 1.0]]
    row = {"file": "jfk.wav", "language": "en", "text": "And so", "duration_s": 11, "words": words}
    (folder / "refs.jsonl").write_text(json.dumps({**row, **changes}) + "\n")
    return folder


def test_streams_are_clips_with_pauses(tmp_path):
    folder = corpus(tmp_path)
    first, second = streams(folder, timed_clips(folder), 2, 13.5, seed=1)
    assert first.reference.ends == [("and", 1.1), ("so", 1.5), ("and", 13.6), ("so", 14.0)]
    assert first.speech_ends_s == (1.5, 14.0)
    assert first.duration_s == pytest.approx(0.5 + 2 * (11 + PAUSE_S) + 0.5)
    assert not np.array_equal(first.pcm, second.pcm)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"words": []}, "lists no clips with the times of words in en"),
        ({"language": "de"}, "lists no clips with the times of words in en"),
        ({"words": [["and", "x"]]}, "is not a clip: Expected"),
    ],
)
def test_a_corpus_that_will_not_do(tmp_path, changes, reason):
    with pytest.raises(AuricleError, match=reason):
        timed_clips(corpus(tmp_path, **changes))


def test_a_clip_that_is_not_audio(tmp_path):
    folder = corpus(tmp_path)
    (folder / "jfk.wav").write_bytes(b"no")
    with pytest.raises(AuricleError, match=r"cannot read .*jfk\.wav"):
        streams(folder, timed_clips(folder), 1, 5.0, seed=1)


def results(text: str, *, is_final: bool, speech_final: bool = False) -> str:
    alternatives = [{"transcript": text, "confidence": 0.9, "words": []}]
    body = {"type": "Results", "is_final": is_final, "speech_final": speech_final}
    channel = {"start": 0.0, "duration": 1.5, "channel": {"alternatives": alternatives}}
    return json.dumps({**body, **channel})


async def test_deepgrams_dialect():
    received: list[Any] = []

    async def answer(socket: ServerConnection) -> None:
        assert socket.request is not None
        received.append((socket.request.path, socket.request.headers["Authorization"]))
        received.append(await socket.recv())
        await socket.send(results("ask hot", is_final=False))
        await socket.send(results("ask", is_final=True))
        await socket.send(results("not", is_final=True, speech_final=True))
        received.append(await socket.recv())
        await socket.send(json.dumps({"type": "Metadata"}))

    async with serve(answer, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        asked = RemoteOptions(f"http://127.0.0.1:{port}", "nova-3", "en", 0.5, "k")
        async with deepgram.opened(asked) as speech:
            await speech.send(np.array([0, 1, -1], np.float32))
            await speech.finish()
            assert [heard async for heard in speech] == [
                Caption("", " ask hot"),
                Caption("ask"),
                Caption("ask not"),
                FinishedTurn(0.0, 1.5, "ask not"),
            ]
    query = "model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true&endpointing=500"
    assert received == [
        (f"/v1/listen?{query}&language=en", "Token k"),
        np.array([0, 32767, -32767], "<i2").tobytes(),
        '{"type":"CloseStream"}',
    ]


def test_what_the_server_makes_of_the_whole():
    with in_thread(FakeServer(lambda _: json_answer({"text": "ask hot"}))) as server:
        assert error_rate(RemoteOptions(server.url, "base", "en"), [PLAYED, PLAYED]) == 0.5
        server.script = lambda _: json_answer({"error": "no"}, 500)
        with pytest.raises(AuricleError, match="no text of whole recordings from"):
            error_rate(RemoteOptions(server.url), [PLAYED])


def test_nobody_there(tmp_path, capfd):
    folder = corpus(tmp_path)
    command = ["bench", "live", "http://127.0.0.1:9", "--corpus", str(folder), "--streams", "1"]
    assert run([*command, "--json", str(tmp_path / "out.json")]) == 1
    assert "1 failed; the first: cannot connect to ws://127.0.0.1:9/" in capfd.readouterr().out
    [phase] = json.loads((tmp_path / "out.json").read_text())["streams"]
    assert (phase["n_streams"], phase["n_failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--streams", "1,x"], "--streams: '1,x' is not a list of whole numbers"),
        (["--languages", "en,de"], "several --languages need --detect-language"),
    ],
)
def test_a_misuse_is_said(tmp_path, arguments, complaint, capfd):
    command = ["bench", "live", "http://127.0.0.1:9", "--corpus", str(tmp_path), *arguments]
    assert run(command) == 2
    expected = f"auricle: error: {complaint} (see auricle bench live --help)\n"
    assert capfd.readouterr().err == expected
