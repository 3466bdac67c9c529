"""``auricle bench`` and ``auricle evaluate``, which are in a package of their own: auricle-bench.

Knows nothing about what they do. Where the package is not installed, the commands say so.
"""

from __future__ import annotations

import importlib

import click

from auricle.errors import AuricleError

PACKAGE = "auricle_bench"
INSTALL = "pip install 'auricle[bench]', or in a checkout: pip install ./bench"


def command(name: str, help_line: str, package: str = PACKAGE) -> click.Command:
    """The command ``name`` of auricle-bench, or one that says what to install."""
    try:
        module = importlib.import_module(f"{package}.commands.{name}")
    except ModuleNotFoundError as exc:
        if exc.name != package:
            raise
        return _absent(name, help_line)
    found = getattr(module, name)
    assert isinstance(found, click.Command)
    return found


def _absent(name: str, help_line: str) -> click.Command:
    @click.command(
        name,
        help=f"{help_line}\n\nNot installed here: {INSTALL}",
        short_help=help_line,
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def absent(arguments: tuple[str, ...]) -> None:
        raise AuricleError(f"auricle {name} is not installed here: {INSTALL}")

    return absent
