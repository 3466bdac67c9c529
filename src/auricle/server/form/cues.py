"""How large subtitles may be, read from the form of a transcription request.

Knows nothing about how cues are made.
"""

from __future__ import annotations

from auricle.config import Settings
from auricle.output.formats import SUBTITLES, Format
from auricle.output.subtitles import MAX_CUE_S, MAX_LINE_COUNT, MAX_LINE_WIDTH, Shape
from auricle.server.form.values import Fields, refuse, refuse_both

_NAMES = ("max_line_width", "max_line_count", "max_cue_s")


def read(fields: Fields, wanted: Format, settings: Settings) -> Shape:
    """The limits of cues; what is absent comes from ``settings``.

    Raises:
        InvalidRequest: a limit out of range, for an answer without cues, or of lines that have
            no limited width.
    """
    line_width = fields.integer("max_line_width", 0, MAX_LINE_WIDTH)
    line_count = fields.integer("max_line_count", 0, MAX_LINE_COUNT)
    cue_s = fields.decimal("max_cue_s", 0, MAX_CUE_S)
    for name in _NAMES:
        if wanted not in SUBTITLES and fields.given(name) is not None:
            refuse(name, f"it needs response_format 'srt' or 'vtt', but that is '{wanted}'.")
    shape = Shape(
        settings.max_line_width if line_width is None else line_width,
        settings.max_line_count if line_count is None else line_count,
        settings.max_cue_s if cue_s is None else cue_s,
    )
    if line_count and not shape.max_line_width:
        reason = "lines cannot be counted while they may be of any width (max_line_width 0)"
        refuse_both("max_line_count", "max_line_width", reason)
    return shape
