"""Write ``docs/licences.md``: under which licence each package comes that Auricle installs.

Knows nothing about what they are for. What the packages say of themselves is shown; one that says
nothing, or is not installed on this system, is told as such. ``--check`` fails if the page is old.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "runtime.lock"
PAGE = ROOT / "docs" / "licences.md"

ELSEWHERE = "not installed on Linux"

HEAD = """# Licences

Auricle is under the MIT licence. What it installs besides, as each package says itself (PyAV's
wheels also contain FFmpeg with GPL encoders):

| package | licence |
|---|---|
"""


def locked(text: str) -> list[str]:
    """The names in a lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)


def licence(about: PackageMetadata) -> str:
    """What a package says: an expression, else its classifiers, else the first line of its text."""
    if "License-Expression" in about:
        return about["License-Expression"]
    prefix = "License :: OSI Approved :: "
    classifiers = about.get_all("Classifier") or []
    if named := [c.removeprefix(prefix) for c in classifiers if c.startswith(prefix)]:
        return ", ".join(named)
    said = about.get_all("License") or [""]
    return said[0].strip().partition("\n")[0] or "not said"


def page() -> str:
    rows = []
    for name in sorted(set(locked(LOCK.read_text(encoding="utf-8")))):
        try:
            found = licence(metadata(name))
        except PackageNotFoundError:
            found = ELSEWHERE
        rows.append(f"| {name} | {found} |")
    return HEAD + "\n".join(rows) + "\n"


def main() -> int:
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") != text:
        print("docs/licences.md is out of date: run make licences", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
