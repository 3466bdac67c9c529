"""Damaged model folders: configuration, vocabulary, headers of the weights; safetensors and
tokenizers of those that are to be converted."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from auricle.errors import AuricleError
from auricle.models import model_bin
from auricle.models.checkpoint import inspect
from auricle.models.convert import convert
from tests.fuzz.faults import check_text
from tests.fuzz.mutation import Damage
from tests.fuzz.target import Trial

GOLDEN = Path(__file__).parents[1] / "models" / "golden"
HEAD_BYTES = 4096
"""Of files of weights, so much is damaged: the rest are numbers, of which any will do."""


class _Folders:
    def __init__(self, folder: Path) -> None:
        self._whole = folder / "whole"
        convert(GOLDEN, self._whole)
        self._converted, self._source = folder / "converted", folder / "source"
        self._target = folder / "target"
        shutil.copytree(self._whole, self._converted)
        shutil.copytree(GOLDEN, self._source)

    async def attempt(self, rng: random.Random) -> str:
        damage = Damage(rng)
        converts = rng.random() < 0.3
        whole, folder = (GOLDEN, self._source) if converts else (self._whole, self._converted)
        path = rng.choice(sorted(each for each in folder.iterdir() if each.is_file()))
        original = whole / path.name
        path.write_bytes(_damaged(damage, original))
        try:
            self._read(folder, converts=converts)
        except AuricleError as exc:
            check_text(exc.message.replace(str(folder), ""), exc.message)
            return f"{path.name} refused"
        finally:
            shutil.copyfile(original, path)
            shutil.rmtree(self._target, ignore_errors=True)
        return f"{path.name} taken"

    def _read(self, folder: Path, *, converts: bool) -> None:
        if converts:
            convert(folder, self._target)
            return
        inspect(folder)
        size = (folder / "model.bin").stat().st_size
        for each in model_bin.variables(folder / "model.bin").values():
            assert each.offset + each.n_bytes <= size


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Trial]:
    with tempfile.TemporaryDirectory() as folder:
        yield _Folders(Path(folder))


def _damaged(damage: Damage, original: Path) -> bytes:
    content = original.read_bytes()
    if original.suffix == ".json" and damage.rng.random() < 0.7:
        return damage.json(json.loads(content))
    return damage.data(content[:HEAD_BYTES]) + content[HEAD_BYTES:]
