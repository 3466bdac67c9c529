"""A transcript as plain text, SubRip (srt) or WebVTT (vtt).

Knows nothing about HTTP or files. Where segments have speakers, they are named: in text at the
start of a line, in SubRip of a cue, in WebVTT as its voice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from auricle.output.subtitles import Cue, Shape, cues
from auricle.types import Transcript


def text(transcript: Transcript, *, with_speakers: bool) -> bytes:
    """The text; with speakers, a line for each time that another one speaks."""
    if not with_speakers:
        return (transcript.text + "\n").encode()
    runs = groupby(transcript.segments, key=lambda segment: segment.speaker)
    lines = ((name, "".join(each.text for each in run).strip()) for name, run in runs)
    return "".join(f"{_label(name)}{line}\n" for name, line in lines if line).encode() or b"\n"


def srt(transcript: Transcript, shape: Shape) -> bytes:
    blocks = (
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n"
        f"{_label(cue.speaker)}{cue.text}\n\n"
        for number, cue in enumerate(_cues(transcript, shape, labelled=True), start=1)
    )
    return "".join(blocks).encode()


def vtt(transcript: Transcript, shape: Shape) -> bytes:
    blocks = (
        f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n"
        f"{_voice(cue.speaker)}{_escaped(cue.text)}\n\n"
        for cue in _cues(transcript, shape)
    )
    return ("WEBVTT\n\n" + "".join(blocks)).encode()


def _cues(transcript: Transcript, shape: Shape, *, labelled: bool = False) -> Iterator[Cue]:
    def label_width(speaker: str | None) -> int:
        return len(_label(speaker)) if labelled else 0

    return cues(transcript.segments, shape, transcript.duration_s, label_width)


def _label(speaker: str | None) -> str:
    return "" if speaker is None else f"{speaker}: "


def _voice(speaker: str | None) -> str:
    return "" if speaker is None else f"<v {_escaped(speaker)}>"


def _escaped(text: str) -> str:
    """For WebVTT, where < starts a tag, & a character reference, and --> is the time line."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(time_s: float, mark: str) -> str:
    """``00:00:03,319``; hours grow beyond two digits rather than wrap."""
    seconds, milliseconds = divmod(round(time_s * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"
