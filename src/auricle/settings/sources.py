"""Where the values of settings are written down: a TOML file and the environment.

Knows nothing about which settings there are, or what a value may be.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from auricle.errors import BadSetting
from auricle.system import small_file
from auricle.system.home import home

ENV_PREFIX = "AURICLE_"

Given: TypeAlias = tuple[str, dict[str, Any]]
"""Where a value stands, for messages, and the value by the setting's name."""


def config_file(environ: Mapping[str, str]) -> Path:
    """Where the TOML file is looked for when ``AURICLE_CONFIG`` does not name one."""
    if sys.platform == "win32":
        base = environ.get("APPDATA") or str(home() / "AppData" / "Roaming")
    else:
        base = environ.get("XDG_CONFIG_HOME") or str(home() / ".config")
    return Path(base) / "auricle" / "auricle.toml"


def from_file(environ: Mapping[str, str], path: Path | None) -> list[Given]:
    """What the TOML file says: the one named by ``path``, else by ``AURICLE_CONFIG``, else the one
    in the user's configuration folder, if there is one.

    Raises:
        BadSetting: the file cannot be read, or is not TOML.
    """
    named = path or (Path(environ["AURICLE_CONFIG"]) if environ.get("AURICLE_CONFIG") else None)
    chosen = named or config_file(environ)
    if named is None and not chosen.is_file():
        return []
    try:
        table = tomllib.loads(small_file.read(chosen).decode())
    except OSError as exc:
        raise BadSetting(f"cannot read the settings file {chosen}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadSetting(f"the settings file {chosen} is not valid TOML: {exc}") from exc
    return [(f"{chosen}: {name}", {name: value}) for name, value in table.items()]


def from_environment(environ: Mapping[str, str], not_empty: Container[str] = ()) -> list[Given]:
    """What the environment says. An empty variable says nothing, except of a setting that is
    ``not_empty``."""
    found = []
    for name, value in sorted(environ.items()):
        setting = name.removeprefix(ENV_PREFIX).lower()
        is_setting = name.startswith(ENV_PREFIX) and name != "AURICLE_CONFIG"
        if is_setting and (value or setting in not_empty):
            found.append((name, {setting: value}))
    return found
