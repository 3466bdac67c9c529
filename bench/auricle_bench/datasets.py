"""Recordings with references as data sets come: a table, or a folder in one of the usual shapes.

Knows nothing about servers or scores. Tables are TSV, CSV or JSON lines with a header; folders hold
``refs.jsonl``, a table called ``metadata``, LibriSpeech's ``*.trans.txt``, or beside each
recording a text, an RTTM file that says who speaks when, or both.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from auricle.errors import AuricleError
from auricle.media.formats import SUFFIXES
from auricle.whisper import languages
from auricle_bench.clips import REFERENCES, Clip, duration_of
from auricle_bench.speaker_references import SpokenText, spoken, turns_beside

AUDIO_COLUMNS = ("path", "file", "file_name", "filename", "audio", "audio_path", "audio_filepath")
TEXT_COLUMNS = ("text", "sentence", "transcription", "transcript", "reference")
LANGUAGE_COLUMNS = ("language", "locale", "lang")
DURATION_COLUMNS = ("duration_s", "duration")
"""Headers of the common data sets, in lower case: ours, Common Voice's, Hugging Face's, NeMo's."""

TABLES = (REFERENCES, "metadata.jsonl", "metadata.csv", "metadata.tsv")
"""What lists the recordings of a folder, in the order they are looked for."""

LIBRISPEECH = ".trans.txt"
NEIGHBOURS = ("", "clips", "audio", "wavs")
"""Folders beside a table where recordings are looked for; Common Voice has them in clips."""

_NOT_AUDIO = frozenset(
    {".txt", ".rttm", ".json", ".jsonl", ".csv", ".tsv", ".srt", ".vtt", ".lab", ".md"}
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A recording as listed; ``origin`` says where, for messages."""

    origin: str
    path: Path
    text: str | None
    language: str | None = None
    duration_s: float | None = None
    spoken: SpokenText | None = None
    """``text`` by speaker, where it names them."""


def read(dataset: Path, default_language: str | None = None) -> list[Clip]:
    """The clips of a data set in its order; ``default_language`` is for those that do not say.

    Raises:
        AuricleError: nothing is there, a table lacks a column, a recording is missing or no
            audio, a reference is empty, a language is unknown. The message says where.
    """
    if dataset.is_dir():
        rows = list(_folder(dataset))
    elif dataset.is_file():
        rows = list(_table(dataset))
    else:
        raise AuricleError(f"there is no {dataset}")
    if not rows:
        raise AuricleError(f"{dataset} lists no recordings")
    _check(rows)
    return [_clip(row, default_language) for row in rows]


def _folder(folder: Path) -> Iterator[_Row]:
    for name in TABLES:
        if (folder / name).is_file():
            return _table(folder / name)
    texts = _called(folder, ".txt")
    named = {path.with_suffix("") for path in texts}
    turns = [path for path in _called(folder, ".rttm") if path.with_suffix("") not in named]
    if not texts and not turns:
        raise AuricleError(
            f"{folder} has no references: neither {', '.join(TABLES)} nor a .txt or .rttm beside "
            "each recording"
        )
    rows = [row for path in texts for row in _text_file(path)]
    rows += [_Row(str(path), _beside(path), None) for path in turns]
    return iter(sorted(rows, key=lambda row: row.origin) if turns else rows)


def _called(folder: Path, suffix: str) -> list[Path]:
    return sorted(path for path in folder.rglob(f"*{suffix}") if path.is_file())


def _text_file(path: Path) -> Iterator[_Row]:
    """LibriSpeech lists a chapter; any other text belongs to the recording of the same name."""
    text = _read_text(path)
    if not path.name.endswith(LIBRISPEECH):
        named = spoken(text)
        plain = text if named is None else named.text
        yield _Row(str(path), _beside(path), " ".join(plain.split()), spoken=named)
        return
    for number, line in enumerate(text.splitlines(), 1):
        name, _, said = line.strip().partition(" ")
        if name:
            yield _Row(f"{path}, line {number}", _beside(path.with_name(f"{name}.txt")), said)


def _beside(text_file: Path) -> Path:
    """The recording with the name of a reference, of a known container if there are several;
    ``NAME.*`` where there is none."""
    found = sorted(
        (
            path
            for path in text_file.parent.glob("*")
            if path.stem == text_file.stem and path.suffix.lower() not in _NOT_AUDIO
        ),
        key=lambda path: (path.suffix.lower().removeprefix(".") not in SUFFIXES, path),
    )
    return found[0] if found else text_file.with_suffix(".*")


def _table(path: Path) -> Iterator[_Row]:
    kind = path.suffix.lower()
    if kind in (".jsonl", ".json"):
        records = _json_lines(path)
    elif kind in (".tsv", ".csv"):
        records = _separated(path)
    else:
        raise AuricleError(f"{path} is not a folder, nor a table called .tsv, .csv or .jsonl")
    for number, record in records:
        yield _row(path.parent, record, f"{path}, line {number}")


def _separated(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Common Voice quotes nothing in its TSV files, so that quotes are text there."""
    lines = io.StringIO(_read_text(path), newline="")
    if path.suffix.lower() == ".tsv":
        reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.DictReader(lines)
    try:
        for wanted in (AUDIO_COLUMNS, TEXT_COLUMNS):
            _column(reader.fieldnames or (), wanted, f"{path}, line 1")
        for record in reader:
            yield reader.line_num, record
    except csv.Error as exc:
        raise AuricleError(f"{path}, after line {reader.line_num}: {exc}") from exc


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as exc:
                raise AuricleError(f"{path}, line {number}: {exc}") from exc


def _row(folder: Path, record: Mapping[str, Any], origin: str) -> _Row:
    audio = _column(record, AUDIO_COLUMNS, origin)
    text = _column(record, TEXT_COLUMNS, origin)
    spoken = _column(record, LANGUAGE_COLUMNS)
    length = _column(record, DURATION_COLUMNS)
    named = str(record[audio] or "").strip()
    if not named:
        raise AuricleError(f"{origin}: {audio} is empty")
    try:
        duration_s = float(record[length]) if length and record[length] else None
    except (TypeError, ValueError):
        raise AuricleError(f"{origin}: {length} {record[length or '']!r} is no number") from None
    language = str(record[spoken] or "") if spoken else ""
    said = str(record[text] or "").strip()
    return _Row(origin, _located(folder, named), said, language or None, duration_s)


def _column(names: Iterable[str], wanted: tuple[str, ...], origin: str = "") -> str:
    """The column that is called by one of ``wanted``; empty when none is and none has to be."""
    by_lower = {str(name).strip().lower(): name for name in names if name is not None}
    for name in wanted:
        if name in by_lower:
            return by_lower[name]
    if not origin:
        return ""
    raise AuricleError(
        f"{origin}: none of {', '.join(wanted)} is there, only {', '.join(by_lower) or 'nothing'}"
    )


def _located(folder: Path, named: str) -> Path:
    """Where a recording is; some releases of Common Voice leave out the suffix."""
    places = [folder / beside / f"{named}{end}" for end in ("", ".mp3") for beside in NEIGHBOURS]
    return next((path for path in places if path.is_file()), folder / named)


def _check(rows: Iterable[_Row]) -> None:
    """Everything that is wrong at once, as far as a screen holds it."""
    wrong = []
    for row in rows:
        if not row.path.is_file():
            wrong.append(f"{row.origin}: there is no {row.path}")
        elif row.text == "":
            wrong.append(f"{row.origin}: the reference is empty")
        elif row.language is not None and languages.parse(row.language) is None:
            wrong.append(f"{row.origin}: {row.language!r} is no language that Whisper knows")
    if wrong:
        more = [f"and {len(wrong) - 5} more"] if len(wrong) > 5 else []
        raise AuricleError("\n  ".join(wrong[:5] + more))


def _clip(row: _Row, default_language: str | None) -> Clip:
    code = None if row.language is None else languages.parse(row.language)
    duration_s = row.duration_s or duration_of(row.path)
    named = row.spoken or SpokenText(())
    return Clip(
        row.path,
        duration_s,
        code or default_language,
        row.text,
        turns=turns_beside(row.path) or named.turns,
        said=named.said,
    )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise AuricleError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise AuricleError(f"{path} is not UTF-8 text: {exc}") from exc
