"""What a server sees of the thing that transcribes: models by name, and recordings read with them.

Knows nothing about how that is done: `runtime.Runtime` does it, tests have one without models.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from auricle.diagnosis.doctor import Doctor
from auricle.diarize import Diarization
from auricle.errors import AuricleError
from auricle.hosting import managed_model
from auricle.hosting.downloads import Downloads
from auricle.hosting.names import Aliases
from auricle.live.options import LiveOptions
from auricle.live.stream import LiveStream
from auricle.media.streaming import ContainerStream
from auricle.reading.ledger import Ledger
from auricle.segment_stream import SegmentStream
from auricle.settings.config import Settings
from auricle.types import DecodeOptions, SpeakerOptions

State = Literal["starting", "ready", "failed", "stopping"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """How a model is, loaded or not; what is only known of a loaded one is None."""

    name: str
    state: managed_model.State
    failure: str | None = None
    memory_bytes: int = 0
    n_requests: int = 0
    """Requests that have the model or wait for it to be loaded."""
    n_windows: int = 0
    """Windows waiting or being read."""
    device: str | None = None
    compute_type: str | None = None
    languages: tuple[str, ...] | None = None
    retried: float | None = None
    """Share of the windows with a short audio context that were read again in full."""
    backlog_s: float = 0.0
    """Predicted seconds until all work for it that was accepted is done."""


class SpeechRuntime(Protocol):
    """The model it was started with, and any other that a request names. For the event loop."""

    settings: Settings
    aliases: Aliases
    downloads: Downloads
    doctor: Doctor

    @property
    def state(self) -> State:
        """Whether requests for the model it was started with can be answered."""
        ...

    @property
    def failure(self) -> AuricleError | None:
        """Why they cannot."""
        ...

    @property
    def model_id(self) -> str:
        """The name of the model it was started with, as a client may ask for it."""
        ...

    @property
    def loaded(self) -> list[str]:
        """The names of the models that are in memory."""
        ...

    @property
    def backlog_s(self) -> float:
        """Predicted seconds until all work that was accepted is done."""
        ...

    @property
    def n_live(self) -> int:
        """Live streams that are open."""
        ...

    @property
    def live_lag_s(self) -> float:
        """How late words of live streams are now, in the mean of those who speak."""
        ...

    def predict_s(self, audio_s: float) -> float:
        """Predicted seconds that reading so much audio takes."""
        ...

    async def start(self) -> None:
        """Get ready. Never raises: `state` and `failure` tell how it went."""
        ...

    async def stop(self) -> None:
        """Give everything back; requests still running are failed."""
        ...

    async def prove(self) -> None:
        """Have the model it was started with read a second of audio, if it is in memory.

        Raises:
            EngineFailed, Unavailable: it cannot.
        """
        ...

    def check_room(self, key: str = "") -> None:
        """Refuse early what cannot be served, for a client known by ``key``.

        Raises:
            Unavailable: not now.
            Overloaded: too much work is waiting, of everybody or of this client.
        """
        ...

    def open(
        self,
        path: Path,
        options: DecodeOptions,
        key: str = "",
        model: str = "",
        ledger: Ledger | None = None,
    ) -> AbstractAsyncContextManager[SegmentStream]:
        """Transcribe a file with a model; leaving the context cancels what is not done. With a
        ``ledger`` it is read when nothing else is, without what is in there already.

        Raises:
            ModelNotFound: nobody knows the model, or it cannot be had here.
            InvalidRequest: the model cannot do what the options ask.
            Unavailable, Overloaded: see `check_room`.
            BadMedia: the file is not audio, or over a limit; also while iterating.
        """
        ...

    def open_live(
        self, live: LiveOptions, options: DecodeOptions, key: str = "", model: str = ""
    ) -> AbstractAsyncContextManager[LiveStream]:
        """Transcribe a live stream with a model; leaving the context cancels what is not done.

        Raises:
            ModelNotFound, InvalidRequest, Unavailable: as of `open`.
            Overloaded: there are as many streams as can be followed.
        """
        ...

    async def diarize(
        self, path: Path, options: SpeakerOptions, key: str = "", audio_track: str | None = None
    ) -> Diarization:
        """Who speaks when in a file.

        Raises:
            ModelNotFound: what tells speakers apart is not here, and cannot be fetched.
            InvalidRequest: a reference is none.
            Unavailable, Overloaded: see `check_room`.
            BadMedia: the file is not audio, or over a limit.
        """
        ...

    def open_container(self) -> AbstractAsyncContextManager[ContainerStream]:
        """Decode a container while it is sent.

        Raises:
            Unavailable, Overloaded: not now.
        """
        ...

    async def find(self, name: str, key: str = "") -> object:
        """Raise `ModelNotFound` unless a request for the model might be answered, and `Forbidden`
        if not to this client."""
        ...

    async def load(self, name: str, key: str = "") -> ModelStatus:
        """Load a model that is on this machine, or may be fetched. Raises what `open` raises."""
        ...

    async def unload(self, name: str, key: str = "") -> ModelStatus:
        """Give a model's memory back. Raises `ModelNotFound`, or `InvalidRequest` if it is used."""
        ...

    async def status(self, name: str) -> ModelStatus:
        """How one model is. Raises `ModelNotFound`."""
        ...

    async def statuses(self) -> list[ModelStatus]:
        """Every model that a request can have now, the one it was started with first."""
        ...
