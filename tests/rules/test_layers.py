"""Imports point to lower layers only, and stand at the top of a module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.rules import source

LAYERS = (
    (
        "",
        "telemetry",
        "errors",
        "grants",
        "types",
        "system",
        "fields",
        "settings",
        "keyring",
        "rpc",
    ),
    ("whisper",),
    ("models", "speech", "output"),
    ("media", "speakers", "turn_taking", "decoding"),
    ("engine",),
    ("queue",),
    ("reading",),
    ("segment_stream", "live"),
    ("transcribe",),
    ("hosting",),
    ("diarize", "diagnosis"),
    ("speaker_segments", "channel_segments"),
    ("opening", "speech_runtime"),
    ("model_control",),
    ("runtime",),
    ("jobs",),
    ("server",),
    ("cluster",),
    ("cli",),
    ("__main__",),
)
"""Low to high. A module may import its own part and every layer below; two parts of one layer do
not know each other, except in the first. The empty name is the package itself: its version."""

FOUNDATION = LAYERS[0]

IMPORTS_LATE = {"engine/ct2.py", "engine/loading.py", "engine/worker.py", "rpc/caller.py"}
"""The engine library loads after its environment is set; ``msvcrt`` exists on Windows only."""


def part(module: str) -> str:
    """The second word of a dotted name: the layer's part a module belongs to."""
    return module.partition(".")[2].partition(".")[0]


def level(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def relative(path: Path) -> str:
    return path.relative_to(source.PACKAGE).as_posix()


def test_every_part_has_a_layer():
    parts = {part(source.dotted(path)) for path in source.modules()}
    assert parts - {name for layer in LAYERS for name in layer} == set()


def test_imports_point_down():
    wrong = [
        f"{relative(path)}:{line} must not import {module}"
        for path in source.modules()
        for line, module in source.imported(path)
        if (own := part(source.dotted(path))) != (other := part(module))
        and level(other) >= level(own)
        and not (own in FOUNDATION and other in FOUNDATION)
    ]
    assert wrong == []


def test_imports_stand_at_the_top():
    late = [
        f"{relative(path)}:{node.lineno}, in {function.name}"
        for path in source.modules()
        if relative(path) not in IMPORTS_LATE and not relative(path).startswith("cli/")
        for function in source.functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


def test_what_may_import_late_exists():
    assert {name for name in IMPORTS_LATE if not (source.PACKAGE / name).is_file()} == set()


def test_ray_is_imported_by_its_own_modules_alone():
    users = {
        relative(path)
        for path in source.modules()
        if re.search(r"^ *(?:import|from) ray\b", path.read_text("utf-8"), re.MULTILINE)
    }
    own = {name for name in users if name.startswith("cluster/ray_")}
    importers = {
        relative(path)
        for path in source.modules()
        for _, module in source.imported(path)
        if module.startswith("auricle.cluster")
    }
    assert users == own != set()
    assert {name for name in importers if not name.startswith("cluster/")} == {"cli/ray.py"}


def test_opentelemetry_is_imported_where_traces_are_wanted_alone():
    own = "server/otel.py"
    users = {relative(p) for p in source.modules() if "from opentelemetry" in p.read_text("utf-8")}
    importers = [
        relative(path)
        for path in source.modules()
        for _, module in source.imported(path)
        if module == "auricle.server.otel"
    ]
    assert (users, importers) == ({own}, [])
