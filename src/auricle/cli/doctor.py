"""``auricle doctor``: shows the findings of ``diagnosis``, for people or as JSON.

Knows nothing about what is looked at.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from auricle.cli.options import config_from, settings_from, settings_options

if TYPE_CHECKING:
    from auricle.diagnosis.findings import Diagnosis, Problem


@click.command()
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--json", "as_json", is_flag=True, help="print the findings as JSON")
@click.option(
    "--tune", is_flag=True, help="measure which engine is faster with the model, for engine = auto"
)
@settings_options()
@click.pass_context
def doctor(context: click.Context, name: str | None, as_json: bool, tune: bool) -> int:
    """Show what this machine has and lacks.

    Also shows what `auricle serve` with the same MODEL and options would use. Ends with 1 when it
    could not serve.
    """
    settings = settings_from(context, model=name)
    from auricle.cli.diagnosis import diagnose

    if tune:
        from auricle.diagnosis import tuning

        tuning.tune(settings)
    found = diagnose(settings, config_from(context))
    if as_json:
        print(json.dumps({"can_serve": found.can_serve, **asdict(found)}, indent=2))
    else:
        _show(found)
    return 0 if found.can_serve else 1


def _show(found: Diagnosis) -> None:
    _table("This machine", found.machine)
    if found.packages:
        _table("Packages", found.packages)
    _table("auricle serve would use", found.plan)
    fatal = [problem for problem in found.problems if problem.is_fatal]
    notes = [problem for problem in found.problems if not problem.is_fatal]
    _list("Notes", notes)
    _list("What is in the way", fatal)
    print("auricle serve cannot work yet." if fatal else "auricle serve can start.")


def _table(title: str, rows: dict[str, str]) -> None:
    print(title)
    width = max(map(len, rows), default=0)
    for name, value in rows.items():
        print(f"  {name:<{width}}  {value}")
    print()


def _list(title: str, problems: list[Problem]) -> None:
    if not problems:
        return
    print(title)
    for problem in problems:
        print(textwrap.indent(problem.what, "  "))
        print(f"    -> {problem.way_out}")
    print()
