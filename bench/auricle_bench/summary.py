"""What a phase of requests amounts to: rates, percentiles, errors, use of the machine.

Knows nothing about how requests were made or how any of this is shown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec

from auricle_bench.load import Outcome


class Percentiles(msgspec.Struct, frozen=True):
    """Of a set of times, in seconds."""

    p50_s: float
    p95_s: float
    p99_s: float


class Rate(msgspec.Struct, frozen=True):
    """Errors against references in one language; ``unit`` is words or characters."""

    unit: str
    n_units: int
    n_errors: int

    @property
    def rate(self) -> float:
        return self.n_errors / self.n_units if self.n_units else 0.0


class Usage(msgspec.Struct, frozen=True):
    """What a process and its children took during a phase."""

    cpu_s: float
    peak_rss_bytes: int


class Summary(msgspec.Struct, frozen=True):
    """One phase. Latencies are those of answered requests; ``refused`` those of all others."""

    load: str
    n_requests: int
    n_answered: int
    errors: dict[str, int]
    wall_s: float
    audio_s: float
    latency: Percentiles | None
    first_text: Percentiles | None
    refused: Percentiles | None
    client_cpu_share: float
    """Processor time of the load generator, as a share of one core."""
    server: Usage | None = None
    accuracy: dict[str, Rate] | None = None
    complaint: str | None = None
    """What the server said the first time that it refused."""

    @property
    def requests_per_s(self) -> float:
        return self.n_answered / self.wall_s if self.wall_s else 0.0

    @property
    def audio_per_s(self) -> float:
        """Seconds of audio transcribed in a second."""
        return self.audio_s / self.wall_s if self.wall_s else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie, interpolated linearly."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def percentiles(values: Sequence[float]) -> Percentiles | None:
    if not values:
        return None
    return Percentiles(*(percentile(values, share) for share in (0.5, 0.95, 0.99)))


def summarise(
    load: str,
    outcomes: Sequence[Outcome],
    *,
    client_cpu_s: float = 0.0,
    server: Usage | None = None,
    accuracy: dict[str, Rate] | None = None,
) -> Summary:
    """Put the outcomes of one phase together. Its wall time ends with its last request."""
    answered = [outcome for outcome in outcomes if outcome.is_ok]
    failed = [outcome for outcome in outcomes if not outcome.is_ok]
    first_texts = [each.first_text_s for each in answered if each.first_text_s is not None]
    wall_s = max((each.start_s + each.latency_s for each in outcomes), default=0.0)
    return Summary(
        load=load,
        n_requests=len(outcomes),
        n_answered=len(answered),
        errors=dict(sorted(Counter(each.status for each in failed).items())),
        wall_s=wall_s,
        audio_s=sum(each.clip.duration_s for each in answered),
        latency=percentiles([each.latency_s for each in answered]),
        first_text=percentiles(first_texts),
        refused=percentiles([each.latency_s for each in failed]),
        client_cpu_share=client_cpu_s / wall_s if wall_s else 0.0,
        server=server,
        accuracy=accuracy,
        complaint=next((each.complaint for each in failed if each.complaint), None),
    )
