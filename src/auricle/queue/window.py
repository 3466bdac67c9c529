"""A window in the queue: the job it waits for, and the replies to it.

Knows nothing about other windows or when they run.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from auricle.engine.protocol import Engine
from auricle.queue.job import AnyJob
from auricle.queue.policy import Priority, QueueEntry
from auricle.telemetry.tracing import NULL_SPAN, Span


@dataclass(eq=False, slots=True)
class QueuedWindow:
    """One window's place in the queue, from `Queue.enter` until that is left; it runs one job at a
    time. ``label`` is what people are told it is."""

    id: int
    request_id: int
    priority: Priority
    audio_s: float
    label: str
    asked_for: str = ""
    """The id of the request it is read for, for the log."""
    span: Span = NULL_SPAN
    """What its jobs are part of, for whoever collects traces."""
    queued_s: float = 0.0
    """When its job came into the queue, by the event loop's clock."""
    begun_s: float = 0.0
    """When its last call began, by the same clock."""
    entry: QueueEntry | None = None
    """None until its first job."""
    job: AnyJob | None = None
    """What it waits for."""
    replies: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    """To that job, and behind them an `Ended`. At most as many as a text has tokens."""
    states_job: AnyJob | None = None
    """What made its encoder states, and makes them again if they are lost."""
    states_in: Engine | None = None
    busy_s: float = 0.0
    """For how long engines were busy with it, in seconds of one worker: its share of every call."""
    n_running: int = 0
    """Calls it is in."""
    n_failures: int = 0
    """Calls it was in that failed, or whose engine died."""

    def next_job(self, engine: Engine | None) -> AnyJob:
        """What an engine must do next for it: its job, or first what that needs."""
        assert self.job is not None
        if self.job.needs_states and self.states_in is not engine:
            assert self.states_job is not None, "nothing was encoded"
            return self.states_job
        return self.job

    def is_for(self, job: AnyJob) -> bool:
        """Whether a job is what it waits for, or makes the states for that."""
        return self.job is not None and (job is self.job or job is self.states_job)

    def end(self, error: Exception | None = None) -> None:
        """Its job has ended, well or not."""
        self.job = None
        self.replies.put_nowait(Ended(error))


@dataclass(frozen=True, slots=True)
class Ended:
    """The last that is heard of a job, and what went wrong with it."""

    error: Exception | None
