"""Make ``docs/settings.md`` from the fields of `Settings`, or check that it is up to date.

Knows nothing about any one setting.

    python -m auricle.cli.settings_doc            print
    python -m auricle.cli.settings_doc --write    write docs/settings.md below this folder
    python -m auricle.cli.settings_doc --check    exit 1 when docs/settings.md differs
"""

from __future__ import annotations

import sys
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from auricle.cli.options import default_text, env_name, type_text
from auricle.settings.config import Settings, flag

PAGE = Path("docs/settings.md")

INTRODUCTION = """\
# Settings

Each setting can be given in four places. The first that has a value wins:

1. a flag of `auricle serve` or `auricle transcribe`
2. a variable in the environment
3. the TOML file: the one named by `--config` or `AURICLE_CONFIG`, else `auricle/auricle.toml` in
   your configuration folder (`~/.config` on Linux and macOS, `%APPDATA%` on Windows)
4. the default

An unknown name, a wrong type or a value out of range stops the program with a message that says
where the value came from. `auricle doctor` shows what would be used.

```toml
# auricle.toml
model = "small"
port = 8000
vad = true
sources = ["hub", "index"]
```

On or off in the environment: `true`, `yes`, `on` or `1`, and `false`, `no`, `off` or `0`. On the
command line: `--vad` and `--no-vad`. Lists are separated by commas. Settings marked with \\* are
for `auricle serve` only.

"""


def page() -> str:
    """The whole of ``docs/settings.md``."""
    rows = ["| Setting | Flag and environment | Value | Default | Meaning |"]
    rows += ["|---|---|---|---|---|"]
    rows += [_row(setting) for setting in fields(Settings)]
    return INTRODUCTION + "\n".join(rows) + "\n"


def _row(setting: Field[Any]) -> str:
    low, high = setting.metadata["low"], setting.metadata["high"]
    value = type_text(setting).replace("|", "\\|")
    cells = (
        f"`{setting.name}`" + (" \\*" if setting.metadata["server_only"] else ""),
        f"`{flag(setting.name)}`<br>`{env_name(setting)}`",
        value if low is None else f"{value}, {low} to {high}",
        f"`{default_text(setting)}`" if default_text(setting) else "",
        setting.metadata["help"],
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
    elif "--check" not in sys.argv[1:]:
        print(page(), end="")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        print(f"{PAGE} is out of date: run `python -m auricle.cli.settings_doc --write`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
