"""What the fake runtime's text is in other servers' formats, and parts of their answers."""

from __future__ import annotations

import httpx2
import msgspec

from auricle.types import Segment, Word
from tests.server.fakes import said

WORDS = (Word(" Hello", 0.0, 0.4, 0.5), Word(" there.", 0.4, 1.0, 0.75))
SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n"
    "2\n00:00:01,000 --> 00:00:02,500\nAnd you.\n\n"
)
VTT = "WEBVTT\n\n" + SRT[2:].replace(",", ".").replace("\n\n2\n", "\n\n")


def spoken(text: str, start_s: float, end_s: float, words: tuple[Word, ...]) -> Segment:
    return msgspec.structs.replace(said(text, start_s, end_s), words=words)


def error(answer: httpx2.Response) -> tuple[int, str | None, str]:
    detail = answer.json()["error"]
    return answer.status_code, detail["param"], detail["message"]
