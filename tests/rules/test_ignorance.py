"""A module that says what it knows nothing about does not import that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.rules import source

HTTP = ("auricle.server", "httpx2", "starlette", "uvicorn", "httptools", "websockets")

MEANT: Mapping[str, tuple[str, ...]] = {
    "CTranslate2": ("ctranslate2", "auricle.engine.ct2"),
    "HTTP": HTTP,
    "codecs": ("av",),
    "containers": ("av.container", "auricle.media.container", "auricle.media.sections"),
    "decoding": ("auricle.reading", "auricle.engine"),
    "devices": ("auricle.engine.machine",),
    "dialects": ("auricle.server.dialects",),
    "downloads": ("auricle.models.fetch", "auricle.models.hub"),
    "engines": ("auricle.engine.ct2", "auricle.engine.process", "auricle.engine.replicas"),
    "formats": ("auricle.output.formats",),
    "keys": ("auricle.keyring", "auricle.server.access"),
    "languages": ("auricle.whisper.languages",),
    "models": ("auricle.models", "auricle.hosting"),
    "processes": ("auricle.rpc", "subprocess", "multiprocessing"),
    "queues": ("auricle.queue",),
    "recordings": ("auricle.media", "auricle.segment_stream", "auricle.transcribe"),
    "scheduling": ("auricle.queue",),
    "scores": ("auricle_bench.accuracy", "auricle_bench.evaluation"),
    "servers": (*HTTP, "auricle_bench.target"),
    "sessions": ("auricle.live.session",),
    "settings": ("auricle.settings",),
    "sockets": ("socket", "auricle.server"),
    "speech detection": ("auricle.speech.vad", "auricle.speech.streaming_vad", "auricle.live.vad"),
    "subtitles": ("auricle.output.subtitles",),
    "text": ("tokenizers", "auricle.output", "auricle.whisper.vocabulary"),
    "the cache": ("auricle.models.cache",),
    "the hub": ("auricle.models.hub",),
    "transcription": ("auricle.segment_stream", "auricle.transcribe", "auricle.reading"),
    "turns": ("auricle.live.turns",),
    "windows": ("auricle.queue.window", "auricle.speech.windows"),
}
"""What a word of such a sentence stands for, as modules or packages."""

SENTENCE = re.compile(r"Knows nothing (?:about|of) (.*?)(?:[.;:]|\Z)(?:\s|\Z)", re.DOTALL)


def unknown_to(path: Path) -> set[str]:
    """The words of `MEANT` in what the module says it knows nothing about."""
    said = SENTENCE.search(ast.get_docstring(source.tree(path)) or "")
    if said is None:
        return set()
    ignored = re.split(r", or |, nor |, and |, | or | and ", " ".join(said[1].split()))
    return MEANT.keys() & {
        each.removeprefix("about ").removeprefix("any ").removeprefix("which ") for each in ignored
    }


def all_imported(path: Path) -> Iterator[str]:
    for node in source.nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_a_module_does_not_import_what_it_knows_nothing_about() -> None:
    wrong = [
        f"{source.relative(path)} knows nothing about {word}, and imports {name}"
        for path in source.all_modules()
        for word in sorted(unknown_to(path))
        for name in all_imported(path)
        for package in MEANT[word]
        if of(name, package) and not of(source.dotted(path), package)
    ]
    assert wrong == []


def test_every_word_stands_for_something_that_some_module_does_not_know() -> None:
    said = {word for path in source.all_modules() for word in unknown_to(path)}
    assert MEANT.keys() - said == set()
