"""The ``auricle`` command: its subcommands, and how each ends: exit codes and error lines.

Knows nothing about engines or HTTP: commands import what they run, so ``--help`` stays quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from auricle import __version__
from auricle.cli import measuring, streams
from auricle.cli.doctor import doctor
from auricle.cli.keys import keys
from auricle.cli.listen import listen
from auricle.cli.models import models
from auricle.cli.ray import ray
from auricle.cli.serve import serve
from auricle.cli.top import top
from auricle.cli.transcribe import transcribe
from auricle.errors import AuricleError, BadSetting

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="auricle", message="%(prog)s %(version)s")
def commands() -> None:
    """Speech to text on your own machine: a server for OpenAI's Audio API, and a command line."""


for command in (serve, transcribe, listen, models, keys, top, doctor, ray):
    commands.add_command(command)
commands.add_command(measuring.command("bench", "Measure a speech-to-text server under load."))
commands.add_command(measuring.command("evaluate", "Measure errors on recordings of known text."))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0, 1 (failed), 2 (misused), 130 (interrupted)
    or 141 (whoever read the output has gone).

    Raises:
        OSError: whoever read the output has gone, and click does not know it.
    """
    try:
        code: int | None = commands.main(
            list(arguments), prog_name="auricle", standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as exc:
        print(exc.format_message(), file=sys.stderr)
        return exc.exit_code
    except click.UsageError as exc:
        hint = f" (see {exc.ctx.command_path} --help)" if exc.ctx else ""
        return _failed(exc.format_message().rstrip(".") + hint, exc.exit_code)
    except click.ClickException as exc:
        return _failed(exc.format_message(), exc.exit_code)
    except BadSetting as exc:
        return _failed(exc.message, 2)
    except AuricleError as exc:
        return _failed(exc.message, 1)
    except OSError as exc:
        if streams.is_reader_gone(exc):
            raise
        return _failed(str(exc), 1)
    except SystemExit as exc:  # click: nobody reads what it prints (1), or it helped a shell (0)
        return streams.READER_GONE if exc.code == 1 else 0
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code or 0


def main() -> None:
    streams.prepare()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as exc:
        is_gone = streams.is_reader_gone(exc)
        code = streams.READER_GONE if is_gone else _failed(f"standard output: {exc.strerror}", 1)
        streams.give_up()
    sys.exit(code)


def _failed(message: str, code: int) -> int:
    print(f"auricle: error: {message}", file=sys.stderr)
    return code
