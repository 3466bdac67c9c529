"""Copy Swagger UI's files from its npm package into ours, or check that they are the same.

Knows nothing about what is in them. The package is among those of tests/sdk/node.

    python scripts/viewer.py          copy
    python scripts/viewer.py --check  exit 1 when a file differs
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tests" / "sdk" / "node" / "node_modules" / "swagger-ui-dist"
OURS = ROOT / "src" / "auricle" / "server" / "openapi" / "viewer"
FILES = (
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
    "LICENSE",
    "NOTICE",
)


def differing() -> list[str]:
    """The files that are not as the package has them."""
    return [
        name
        for name in FILES
        if not (OURS / name).is_file()
        or (OURS / name).read_bytes() != (PACKAGE / name).read_bytes()
    ]


def main() -> int:
    if "--check" not in sys.argv[1:]:
        for name in FILES:
            (OURS / name).write_bytes((PACKAGE / name).read_bytes())
    elif differing():
        print(f"{', '.join(differing())}: not as in swagger-ui-dist; run `make viewer`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
