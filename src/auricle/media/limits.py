"""What decoding one file may cost, and how a file that costs more is refused.

Knows nothing about how files are read, so that the server can word a refusal without the media
library.
"""

from __future__ import annotations

from dataclasses import dataclass

from auricle.errors import BadMedia


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What one file may cost."""

    max_audio_s: float
    max_cpu_s: float


def bad_file(message: str) -> BadMedia:
    return BadMedia(message, param="file", code="invalid_value")


def undecodable() -> BadMedia:
    return bad_file("Audio file might be corrupted or unsupported.")


def cpu_limit_passed(max_cpu_s: float) -> BadMedia:
    return bad_file(
        "Decoding the audio takes more processor time than the limit of "
        f"{max_cpu_s:g} seconds (max_decode_cpu_s)."
    )
