"""What decoding one file may cost, and how a file that costs more is refused.

Knows nothing about how files are read, so that the server can word a refusal without the media
library.
"""

from __future__ import annotations

from dataclasses import dataclass

from auricle.errors import BadMedia

MAX_CHANNELS = 64
MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 768_000
MAX_SAMPLES_PER_S = 32 * 48_000
"""Rate times channels. A megabyte of FLAC can hold an hour of silence at 384 kHz in 8 channels."""


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


def check_format(rate_hz: int, n_channels: int) -> None:
    """Raises `BadMedia` for more samples a second than any recording has."""
    if n_channels > MAX_CHANNELS:
        raise bad_file(f"The audio has {n_channels} channels; the limit is {MAX_CHANNELS}.")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise bad_file(
            f"The audio's sample rate is {rate_hz} Hz; it must be between {MIN_RATE_HZ} "
            f"and {MAX_RATE_HZ} Hz."
        )
    if rate_hz * n_channels > MAX_SAMPLES_PER_S:
        raise bad_file(
            f"The audio has {n_channels} channels at {rate_hz} Hz, {rate_hz * n_channels} samples "
            f"per second; the limit is {MAX_SAMPLES_PER_S}."
        )
