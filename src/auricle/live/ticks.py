"""When a turn is to be read, and how.

Pure. Knows nothing about engines or load: those only make ``interval_s`` longer.
"""

from __future__ import annotations

from auricle.live.effects import Kind
from auricle.live.options import LiveOptions
from auricle.live.transcript import TurnTranscript

PERHAPS_PAUSE_S = 0.06
"""After so much silence within speech no partial reading begins: it is a pause in a moment, whose
final reading need not wait then, or somebody goes on speaking."""


def due(
    turn: TurnTranscript,
    window_s: float,
    now_s: float,
    silence_s: float,
    interval_s: float,
    options: LiveOptions,
) -> Kind | None:
    """What kind of reading ``turn`` needs of the audio from ``window_s`` on; None for none yet.

    While somebody speaks it is read again after every interval; ``silence_s`` is for how long they
    have not, which is no pause yet. As soon as they pause, what they said is read as well as the
    engine can, so that the final text is there when the turn ends. Silence is not read again.
    """
    if turn.end_s is not None:
        return "final" if turn.end_s - window_s <= options.longest_s else "partial"
    if now_s - turn.start_s < options.min_s or turn.is_read:
        return None
    if turn.is_speaking:
        is_time = now_s - turn.transcribed_s >= interval_s and silence_s < PERHAPS_PAUSE_S
        return "partial" if is_time else None
    return "final" if now_s - turn.speech_end_s >= options.early_final_s else None
