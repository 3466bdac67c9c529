"""Write into docs/parity.md how the formats and settings of every day differ from the reference.

Knows nothing about what is allowed to differ: the tests in this folder do.

    .venv-parity/bin/python -m tests.parity.report --corpus DIR --scratch EMPTY_FOLDER
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from auricle.models import registry
from auricle.models.fetch import locate
from auricle.settings.config import Settings
from auricle.whisper.vocabulary import Vocabulary
from tests.parity import readings, weights
from tests.parity.readings import Reading
from tests.parity.windows import CLIPS, SpokenWindow, recordings

DOCUMENT = Path(__file__).parents[2] / "docs" / "parity.md"
LANGUAGES = ("en", "de", "es", "fr")
"""Those that base knows well enough to compare error rates."""


@dataclass(frozen=True)
class Setting:
    name: str
    compute_type: str
    is_adaptive: bool


SETTINGS = (
    Setting("float32, 30 s", "float32", False),
    Setting("int8, 30 s", "int8", False),
    Setting("float32, adaptive", "float32", True),
    Setting("int8, adaptive (the default on CPU)", "int8", True),
)


def errors(text: str, window: SpokenWindow) -> tuple[int, int]:
    """Wrong words and words in the reference, after Whisper's normaliser."""
    normal = EnglishTextNormalizer() if window.language == "en" else BasicTextNormalizer()
    said, wanted = normal(text).split(), normal(window.text).split()
    return Levenshtein.distance(said, wanted), len(wanted)


def row(
    name: str, windows: Sequence[SpokenWindow], read: Sequence[Reading], vocabulary: Vocabulary
) -> str:
    counted = [
        errors(vocabulary.decode(reading.tokens), window)
        for reading, window in zip(read, windows, strict=True)
    ]
    wrong, words = (sum(column) for column in zip(*counted, strict=True))
    return f"{name} | {wrong / words:.1%} ({wrong} of {words})"


def table(name: str, windows: Sequence[SpokenWindow], scratch: Path) -> list[str]:
    folder = locate(name, Settings()).path
    vocabulary = Vocabulary.load(folder)
    reference = weights.openai_whisper(weights.tensors(folder, scratch), name)
    states = readings.encode_openai(reference, windows)
    theirs = readings.openai(reference, vocabulary, windows, states)
    lines = [f"| {name} | {row('openai-whisper', windows, theirs, vocabulary)} | |"]
    known = registry.resolve(name)
    assert known is not None
    for setting in SETTINGS:
        ours = readings.auricle(
            folder,
            windows,
            compute_type=setting.compute_type,
            margin_s=known.margin_s if setting.is_adaptive else None,
        )
        pairs = zip(ours, theirs, strict=True)
        other = sum(_text(a, vocabulary) != _text(b, vocabulary) for a, b in pairs)
        share = f"{other / len(windows):.0%} ({other} of {len(windows)})"
        lines.append(f"| {name} | {row(setting.name, windows, ours, vocabulary)} | {share} |")
    return lines


def _text(reading: Reading, vocabulary: Vocabulary) -> list[int]:
    """Text tokens alone: a timestamp that moves by 0.02 s is no other text."""
    return [token for token in reading.tokens if token < vocabulary.eot]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=CLIPS)
    parser.add_argument("--clips", type=int, default=100, help="at most so many for each model")
    parser.add_argument("--scratch", type=Path, required=True, help="an empty folder")
    arguments = parser.parse_args()
    lines = ["| model | engine | words wrong | windows with other text |", "|---|---|---|---|"]
    for name, languages in (("tiny.en", ("en",)), ("base", LANGUAGES)):
        spoken = [each for each in recordings(arguments.corpus) if each.language in languages]
        step = -(-len(spoken) // arguments.clips)
        (arguments.scratch / name).mkdir()
        lines += table(name, spoken[::step], arguments.scratch / name)
    page = DOCUMENT.read_text(encoding="utf-8")
    filled = re.sub(
        r"<!-- table -->.*<!-- /table -->",
        lambda _: "\n".join(["<!-- table -->", "", *lines, "", "<!-- /table -->"]),
        page,
        flags=re.DOTALL,
    )
    DOCUMENT.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()
