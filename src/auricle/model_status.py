"""How models are, as the server shows it.

Knows nothing about HTTP, or which models there are.
"""

from __future__ import annotations

from dataclasses import replace

from auricle.hosting import speaker_host
from auricle.hosting.managed_model import ManagedModel
from auricle.hosting.speaker_host import SpeakerHost
from auricle.models import registry
from auricle.speech_runtime import ModelStatus
from auricle.whisper.languages import NAMES


def of_model(name: str, managed: ManagedModel) -> ModelStatus:
    """One that may be loaded, by the name it has for clients."""
    info = managed.info
    error = managed.failure or managed.engine_failure
    failure = None if error is None else str(error)
    known = managed.checkpoint.languages if managed.checkpoint else languages(name)
    status = ModelStatus(name, managed.state, failure, managed.memory_bytes, managed.n_users)
    status = replace(status, languages=known)
    if info is None or managed.reading is None:
        return status
    return replace(
        status,
        n_windows=managed.reading.queue.n_windows,
        device=info.device,
        compute_type=info.compute_type,
        retried=managed.reading.read_again.share,
        backlog_s=managed.reading.queue.backlog_s,
    )


def of_speakers(host: SpeakerHost) -> ModelStatus:
    """The one that tells speakers apart."""
    failure = None if host.failure is None else str(host.failure)
    device = "cpu" if host.state == "ready" else None
    status = ModelStatus(speaker_host.NAME, host.state, failure, host.memory_bytes, host.n_users)
    return replace(status, device=device)


def languages(name: str) -> tuple[str, ...] | None:
    """What a registered model knows; the names are in the order of Whisper's vocabularies."""
    known = registry.resolve(name)
    return None if known is None else tuple(NAMES)[: known.languages]
