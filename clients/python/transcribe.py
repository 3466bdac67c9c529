#!/usr/bin/env python3
"""Transcribe a recording with OpenAI's Python package (``pip install openai``) and Auricle.

    python transcribe.py --words talk.mp3
    python transcribe.py --stream --progress --language de talk.mp3
    python transcribe.py --format srt --field max_line_width=32 talk.mp3

The server is ``--url`` or AURICLE_URL, the key AURICLE_API_KEY where the server wants one.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openai import APIConnectionError, APIError, APIStatusError, OpenAI

warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI announces the end of its own models

LONGEST_WAIT_S = 3600.0
"""A slow machine takes this long for hours of audio."""


class Counted(io.FileIO):
    """A file that tells how much of it was sent."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._size = max(path.stat().st_size, 1)

    def read(self, size: int | None = -1) -> bytes:
        piece: bytes = super().read(-1 if size is None else size)
        print(f"\rsent {self.tell() * 100 // self._size} %", end="", file=sys.stderr)
        if not piece:
            print(file=sys.stderr)
        return piece


def main(arguments: Sequence[str] | None = None) -> int:
    parser = options()
    given = parser.parse_args(arguments)
    if given.translate and (given.stream or given.words):
        parser.error("--translate goes with --format, not with --stream or --words")
    client = OpenAI(
        base_url=given.url.rstrip("/").removesuffix("/v1") + "/v1",
        api_key=os.environ.get("AURICLE_API_KEY", "unused"),
        timeout=LONGEST_WAIT_S,
    )
    try:
        recording = Counted(given.file) if given.progress else given.file.open("rb")
    except OSError as exc:
        return failed(f"{given.file}: {exc.strerror}", 2)
    try:
        with recording:
            show(ask(client, given, recording), given)
    except APIStatusError as exc:
        return failed(f"{exc.status_code}: {told(exc)}", 1)
    except APIConnectionError:
        return failed(f"no answer from {given.url}", 3)
    except APIError as exc:  # in a stream that had begun
        return failed(exc.message, 1)
    return 0


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    default = os.environ.get("AURICLE_URL", "http://localhost:50060")
    parser.add_argument("--url", default=default, help="of the server")
    parser.add_argument("--model", default="whisper-1")
    parser.add_argument("--language", help="a code such as de; else it is detected")
    parser.add_argument("--translate", action="store_true", help="into English")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stream", action="store_true", help="text while it is recognised")
    how.add_argument("--words", action="store_true", help="each word with its times")
    how.add_argument("--format", choices=("text", "srt", "vtt", "verbose_json"), default="text")
    parser.add_argument("--progress", action="store_true", help="of the upload")
    parser.add_argument("--field", action="append", default=[], metavar="NAME=VALUE")
    return parser


def ask(client: OpenAI, given: argparse.Namespace, recording: Any) -> Any:
    """What the package returns: a string, an object or a stream of events."""
    extra = dict(each.partition("=")[::2] for each in given.field)  # the package knows OpenAI's
    fields: dict[str, Any] = {"file": recording, "model": given.model, "extra_body": extra}
    if given.translate:
        return client.audio.translations.create(**fields, response_format=given.format)
    if given.language:
        fields["language"] = given.language
    if given.stream:
        return client.audio.transcriptions.create(**fields, stream=True)
    if given.words:
        fields["timestamp_granularities"] = ["word"]
    wanted: Any = "verbose_json" if given.words else given.format
    return client.audio.transcriptions.create(**fields, response_format=wanted)


def show(answer: Any, given: argparse.Namespace) -> None:
    if given.stream:
        for event in answer:
            if event.type == "transcript.text.delta":
                print(event.delta, end="", flush=True)
        print()
    elif given.words:
        for word in answer.words:
            print(f"{word.start:9.3f} {word.end:9.3f}  {word.word}")
    else:
        print(answer if isinstance(answer, str) else answer.to_json(), end="")


def told(exc: APIStatusError) -> str:
    """The server's own words, which the package puts into a sentence with the whole answer."""
    return str(exc.body.get("message")) if isinstance(exc.body, dict) else exc.message


def failed(message: str, code: int) -> int:
    print(f"transcribe.py: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
