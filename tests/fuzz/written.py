"""Damaged files that people write, and variables of the environment: settings, keys, keyrings."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path

from auricle import keyring
from auricle.errors import BadSetting, Unauthorized
from auricle.server.access.keys import ApiKeys
from auricle.settings import config
from auricle.settings.config import Settings
from tests.fuzz.faults import check_text
from tests.fuzz.mutation import TEXTS, Damage
from tests.fuzz.target import Trial

TOKENS = (
    b"=",
    b"[",
    b"]",
    b'"""',
    b"'",
    b"#",
    b"\n",
    b"{}",
    b"inf",
    b"nan",
    b"1979-05-27",
    b"\\u0000",
)
KEYS = b"sk-one\nsk-two # a comment\n\n# nobody\n"
RING = json.dumps(
    {
        "keys": [
            {
                "name": name,
                "sha256": keyring.digest(name),
                "created": "2026-01-01T00:00:00Z",
                "expires": "2999-01-01T00:00:00Z",
                "models": ["base"],
                "max_requests": 3,
                "max_backlog_s": 60.5,
            }
            for name in ("ann", "bob")
        ]
    }
)


class _Written:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def attempt(self, rng: random.Random) -> str:
        damage = Damage(rng)
        kind = rng.choice((self._settings, self._keys, self._ring))
        try:
            kind(damage)
        except BadSetting as exc:
            check_text(exc.message.replace(str(self._folder), ""), exc.message)
            return f"{kind.__name__} refused"
        return f"{kind.__name__} taken"

    def _settings(self, damage: Damage) -> None:
        rng = damage.rng
        path = self._folder / "auricle.toml"
        lines = [_line(damage) for _ in range(rng.randrange(5))]
        content = "\n".join(lines).encode("utf-8", "surrogatepass")
        path.write_bytes(damage.data(content, TOKENS) if rng.random() < 0.3 else content)
        environ = {
            f"AURICLE_{_name(damage).upper()}": _value(damage) for _ in range(rng.randrange(3))
        }
        config.load({}, environ, path)

    def _keys(self, damage: Damage) -> None:
        path = self._folder / "keys"
        path.write_bytes(damage.data(KEYS))
        keys = ApiKeys.of(Settings(api_keys_file=path))
        with contextlib.suppress(Unauthorized):
            keys.check("sk-one")

    def _ring(self, damage: Damage) -> None:
        path = self._folder / "ring"
        content = damage.json(json.loads(RING))
        path.write_bytes(damage.data(content) if damage.rng.random() < 0.3 else content)
        found = keyring.Keyring(path)
        for name in ("ann", "bob", "x"):
            found.find(keyring.digest(name))


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    with tempfile.TemporaryDirectory() as folder:
        yield _Written(Path(folder))


NAMES = tuple(each.name for each in fields(Settings))


def _name(damage: Damage) -> str:
    name = damage.rng.choice(NAMES)
    return name if damage.rng.random() < 0.9 else damage.text(name)


def _value(damage: Damage) -> str:
    usual = ("1", "true", "auto", "base", "0.5", "a,b", "local", "/nowhere", "cpu", "localhost")
    return damage.rng.choice(usual) if damage.rng.random() < 0.5 else damage.text("1")


def _line(damage: Damage) -> str:
    rng = damage.rng
    value = _value(damage)
    shown = rng.choice((value, json.dumps(value), json.dumps([value]), json.dumps(damage.value())))
    return f"{_name(damage)} = {shown}" if rng.random() < 0.95 else rng.choice(TEXTS)
