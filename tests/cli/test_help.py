"""What ``--help`` and the pages show of the command line: whole sentences, and lines that work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from auricle.cli.main import commands

ROOT = Path(__file__).parents[2]

PAGES = ("README.md", "docs/deploy.md", "docs/evaluate.md", "docs/scale.md", "bench/README.md")


def all_commands() -> Iterator[click.Command]:
    for command in commands.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from command.commands.values()


def examples() -> Iterator[str]:
    """Lines that begin with the command, or end with it behind a pipe; comments are cut off."""
    helps = [command.help or "" for command in all_commands()]
    for text in [*helps, *((ROOT / page).read_text(encoding="utf-8") for page in PAGES)]:
        for line in re.findall(r"^ *(?:[a-z][^`|\n]*\| )?(auricle [^`|\n]*)$", text, re.MULTILINE):
            yield line.partition(" #")[0].rstrip().replace("PID", "1")


def test_no_line_of_a_list_of_commands_is_cut_off() -> None:
    lines = [command.get_short_help_str() for command in all_commands()]
    assert [line for line in lines if line.endswith("...") or not line.endswith(".")] == []


@pytest.mark.parametrize("line", sorted(set(examples())))
def test_examples_are_understood(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    command: click.Command = commands.commands[name]
    if isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(name, arguments).close()
