"""What is given to the commands, read and checked; and writing what they found.

Knows nothing about what is measured.
"""

from __future__ import annotations

from pathlib import Path

import click

from auricle.cli.options import with_scheme
from auricle.errors import AuricleError


def address_of(url: str) -> str:
    """See `with_scheme`. Raises `click.UsageError` where it is no address of an HTTP server."""
    import httpx2

    address = with_scheme(url)
    try:
        parsed = httpx2.URL(address)
    except httpx2.InvalidURL:
        parsed = httpx2.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise click.UsageError(f"{url!r} is not the address of an HTTP server")
    return address


def numbers_of(option: str, given: str) -> list[int]:
    """Positive numbers with commas between. Raises `click.UsageError`."""
    numbers = given.split(",")
    if not all(number.strip().isdecimal() and int(number) > 0 for number in numbers):
        raise click.UsageError(f"{option}: {given!r} is not a list of whole numbers")
    return [int(number) for number in numbers]


def field_of(given: str) -> tuple[str, str]:
    """What ``--field`` names. Raises `click.UsageError`."""
    name, equals, value = given.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--field: {given!r} is not NAME=VALUE")
    return name, value


def write(path: Path, content: bytes) -> None:
    """Raises `AuricleError` when the file cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise AuricleError(f"cannot write {path}: {exc.strerror}") from exc
