"""The project's own files and syntax trees, for the tests of its rules.

Knows nothing about which rules there are.
"""

from __future__ import annotations

import ast
import gc
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "auricle"
BENCH = ROOT / "bench" / "auricle_bench"


def modules() -> list[Path]:
    """Every module of the server's package."""
    return sorted(PACKAGE.rglob("*.py"))


def all_modules() -> list[Path]:
    """Every module of both packages."""
    return modules() + sorted(BENCH.rglob("*.py"))


def relative(path: Path) -> str:
    """How a test names a module: ``auricle/speech/vad.py``."""
    return path.relative_to(home(path)).as_posix()


def home(path: Path) -> Path:
    """The folder a module's package is in."""
    return BENCH.parent if path.is_relative_to(BENCH) else PACKAGE.parent


@cache
def tree(path: Path) -> ast.Module:
    return _trees()[path]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module."""
    return tuple(ast.walk(tree(path)))


@cache
def _trees() -> dict[Path, ast.Module]:
    """All modules at once, without looks for garbage in between, which take ten times as long."""
    gc.disable()
    try:
        return {path: ast.parse(path.read_text("utf-8"), str(path)) for path in all_modules()}
    finally:
        gc.freeze()
        gc.enable()


def dotted(path: Path) -> str:
    """``src/auricle/speech/vad.py`` as ``auricle.speech.vad``; a package as its own name."""
    parts = path.relative_to(home(path)).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """``(line, module)`` of every import of our own modules, wherever it stands."""
    known = names()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if _ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _ours(node.module):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node.lineno, full if full in known else node.module


@cache
def names() -> frozenset[str]:
    """The dotted names of all modules."""
    return frozenset(dotted(module) for module in all_modules())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def tracked() -> list[Path]:
    """Every file git tracks, or would: ignored files are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _ours(module: str) -> bool:
    return module.partition(".")[0] in ("auricle", "auricle_bench")
