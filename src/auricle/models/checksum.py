"""Whether a file is the one that was published: its size, and its SHA-256.

Knows nothing about where files come from, or where they are kept.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from auricle.models.registry import ModelFile


def mismatch(path: Path, file: ModelFile) -> str | None:
    """How ``path`` differs from the registered file, or None when it is the same."""
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        return f"{file.name} has {size:,} bytes instead of {file.bytes:,}"
    if file.enforce and file.sha256 is not None and sha256(path) != file.sha256:
        return f"{file.name} differs from the published hash we know"
    return None


def sha256(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
