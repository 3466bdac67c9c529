"""The policy at work on a recorded trace: ten minutes of speech and thirty clips, with the times
that base's jobs took on two cores (``auricle_bench.measurements.trace`` records another)."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from auricle.queue.policy import BatchKey, Decode, Encode, Policy, Priority, QueueEntry
from auricle.reading.jobs import batch_cost
from auricle.transcribe import SHORT_S
from auricle_bench.measurements.trace import Upload, Work

TRACE = msgspec.json.decode(
    Path(__file__).with_name("trace.json").read_bytes(), type=list[Upload], strict=False
)
LONG, CLIPS = TRACE[0], TRACE[1:]
WORKERS = 2
AHEAD = 4
"""Windows of a recording that wait or run at a time."""

LONGEST_JOB_S = max(max(work.encode_s, work.decode_s) for work in LONG.windows)


@dataclass
class Server:
    """Workers that take as long as the trace says; rows decoded together take as long as one after
    the other, which is what beam search costs on these cores."""

    policy: Policy = field(default_factory=lambda: Policy(batch_cost(8)))
    now_s: float = 0.0
    busy_s: float = 0.0
    was_idle_with_work: bool = False
    works: dict[int, Work] = field(default_factory=dict)
    entries: dict[int, QueueEntry] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    latency_s: dict[int, float] = field(default_factory=dict)

    def run(self, uploads: list[Upload]) -> None:
        """Serve every window of every upload."""
        self.uploads = uploads
        self.left = [list(upload.windows) for upload in uploads]
        self.read_s = [0.0] * len(uploads)
        events: list[tuple[float, int, tuple[int, ...], bool]] = [
            (upload.arrival_s, -1 - n, (), False) for n, upload in enumerate(uploads)
        ]
        heapq.heapify(events)
        n_free = WORKERS
        while events:
            self.now_s, what, window_ids, was_encoded = heapq.heappop(events)
            if what < 0:
                for _ in range(AHEAD):
                    self._submit(-1 - what)
            else:
                n_free += 1
                self._finish(window_ids, was_encoded)
            while n_free and (job := self.policy.choose(n_free)) is not None:
                took_s = self._took_s(job)
                self.busy_s += took_s
                n_free -= 1
                encodes = isinstance(job, Encode)
                heapq.heappush(events, (self.now_s + took_s, len(events), job.window_ids, encodes))
            self.was_idle_with_work |= n_free > 0 and len(self.policy) > 0

    def _submit(self, request: int) -> None:
        if not self.left[request]:
            return
        work = self.left[request].pop(0)
        window_id = len(self.works)
        priority = Priority.SHORT if self.read_s[request] < SHORT_S else Priority.LONG
        self.read_s[request] += work.audio_s
        self.works[window_id], self.owners[window_id] = work, request
        self.entries[window_id] = self.policy.arrive(
            window_id, request, priority, work.audio_s, work.n_frames
        )

    def _finish(self, window_ids: tuple[int, ...], was_encoded: bool) -> None:
        for window_id in window_ids:
            work, request = self.works[window_id], self.owners[window_id]
            if was_encoded:
                batch = BatchKey(work.n_frames, 5 * work.n_frames)
                self.policy.wait(self.entries[window_id], work.n_frames, batch)
            else:
                self.latency_s[request] = self.now_s - self.uploads[request].arrival_s
                self._submit(request)

    def _took_s(self, job: Encode | Decode) -> float:
        works = [self.works[window_id] for window_id in job.window_ids]
        if isinstance(job, Encode):
            return sum(work.encode_s for work in works)
        return sum(work.decode_s for work in works)


def own_s(upload: Upload) -> float:
    """What the upload takes when it has the server to itself."""
    return sum(work.encode_s + work.decode_s for work in upload.windows)


@pytest.mark.parametrize("at_s", [x / 4 for x in range(8, 100, 3)])
def test_a_clip_waits_for_at_most_one_running_job(at_s):
    clip = msgspec.structs.replace(CLIPS[0], arrival_s=at_s)
    server = Server()
    server.run([LONG, clip])
    assert server.latency_s[1] <= own_s(clip) + LONGEST_JOB_S


def test_no_worker_idles_while_work_waits_and_all_of_it_is_done():
    server = Server()
    server.run(TRACE)
    assert not server.was_idle_with_work
    assert server.busy_s == pytest.approx(sum(own_s(upload) for upload in TRACE))
    assert len(server.latency_s) == len(TRACE)


def test_clips_that_come_all_the_time_do_not_stop_the_long_recording():
    alone, crowded = Server(), Server()
    alone.run([LONG])
    crowded.run(TRACE)
    added_s = sum(own_s(clip) for clip in CLIPS) / WORKERS
    assert crowded.latency_s[0] <= alone.latency_s[0] + added_s + LONGEST_JOB_S


def test_clips_are_hardly_slower_beside_the_long_recording():
    """Latency at most twice the clip's own and one running job, for nineteen clips of twenty."""
    server = Server()
    server.run(TRACE)
    over = [
        n
        for n, clip in enumerate(CLIPS, 1)
        if server.latency_s[n] > 2 * own_s(clip) + LONGEST_JOB_S
    ]
    assert len(over) <= len(CLIPS) / 20
