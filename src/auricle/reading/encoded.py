"""A window in the queue and its encoder states: what a model can be asked about them.

Knows nothing about which answers are believed, or what is read again.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator

from auricle.engine.protocol import Aligned, AlignJob, DecodeRow, Hypothesis, Tokens
from auricle.queue.admission import Admission
from auricle.queue.policy import Priority
from auricle.queue.queue import Queue
from auricle.queue.window import QueuedWindow
from auricle.reading import jobs
from auricle.reading.jobs import DecodeSettings
from auricle.types import Language, Window
from auricle.whisper import prompting
from auricle.whisper.dimensions import MAX_FRAMES
from auricle.whisper.prompting import Prompt
from auricle.whisper.vocabulary import Vocabulary


class EncodedWindow:
    """Made by `opened`. States of one length are kept until those of another are wanted."""

    def __init__(self, queue: Queue, place: QueuedWindow, window: Window) -> None:
        self.window = window
        self.aligned: dict[tuple[tuple[int, ...], int], Aligned] = {}
        """What is known of texts: by text tokens and mel frames."""
        self._queue = queue
        self._place = place
        self.n_frames = 0
        """Of the states there are; 0 before there are any."""

    @property
    def is_full(self) -> bool:
        """Its states are those of 30 s."""
        return self.n_frames == MAX_FRAMES

    @property
    def busy_s(self) -> float:
        """For how long engines were busy with it, in seconds of one worker."""
        return self._place.busy_s

    async def encode(self, n_frames: int) -> None:
        """Have states of so many frames."""
        if n_frames != self.n_frames:
            job = jobs.encode(self._place.id, self.window.pcm, n_frames)
            await self._queue.result(self._place, job)
            self.n_frames = n_frames

    async def detect_language(self, vocabulary: Vocabulary, allowed: tuple[str, ...]) -> Language:
        """Which of the ``allowed`` languages (empty: all) is spoken."""
        found = await self._queue.result(self._place, jobs.detect_language(self._place.id))
        return prompting.likeliest(vocabulary, found.languages, allowed)

    async def decode(
        self,
        prompt: Prompt,
        settings: DecodeSettings,
        on_tokens: Callable[[Tokens], None] | None = None,
        n_align_frames: int = 0,
    ) -> Hypothesis:
        """The text found that way. Above temperature 0, chance is drawn from the audio.
        ``on_tokens`` is called with its beginnings while it grows, if the engine streams.
        ``n_align_frames``: see `DecodeRow`."""
        seed = zlib.crc32(self.window.pcm.tobytes())
        row = DecodeRow(
            self._place.id,
            prompt.ids,
            prompt.prefix,
            seed,
            on_tokens is not None,
            prompt.draft,
            n_align_frames,
            prompt.expected,
        )
        job = jobs.decode(row, self.n_frames, settings)
        async with contextlib.aclosing(self._queue.run(self._place, job)) as replies:
            async for reply in replies:
                if isinstance(reply, Hypothesis):
                    return reply
                if on_tokens is not None:
                    on_tokens(reply)
        raise AssertionError("a call ended without a hypothesis")

    async def align(self, prompt: Prompt, ids: tuple[int, ...], n_frames: int) -> Aligned:
        """When the text tokens ``ids`` are said in the first ``n_frames``."""
        if (known := self.aligned.get((ids, n_frames))) is not None:
            return known
        job = jobs.align(AlignJob(self._place.id, prompt.ids, ids, n_frames))
        return await self._queue.result(self._place, job)


@contextlib.contextmanager
def opened(
    queue: Queue, admission: Admission, window: Window, priority: Priority
) -> Iterator[EncodedWindow]:
    """A place in the queue for a window; leaving the context gives it up, with its states."""
    label = f"the audio between {window.start_s:.2f} s and {window.end_s:.2f} s"
    with queue.enter(admission, priority, window.end_s, window.duration_s, label) as place:
        yield EncodedWindow(queue, place, window)
