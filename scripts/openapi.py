"""Write ``openapi.yaml`` from what the server sends, or check that it is up to date.

Knows nothing about what is in it.

    python scripts/openapi.py          write
    python scripts/openapi.py --check  exit 1 when openapi.yaml differs
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import yaml

from auricle.server.openapi import openapi

FILE = Path(__file__).resolve().parents[1] / "openapi.yaml"


def as_yaml() -> str:
    """The document, readable by people, in diffs too."""
    document = msgspec.json.decode(msgspec.json.encode(openapi()))  # without objects met twice
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return text


def main() -> int:
    if "--check" not in sys.argv[1:]:
        FILE.write_text(as_yaml(), encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != as_yaml():
        print(f"{FILE.name} is out of date: run `make openapi`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
