"""``auricle keys``: who may use a server, how much, and until when.

Knows nothing about where keys are checked.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from auricle.cli.options import NumberRange, settings_from, settings_options
from auricle.errors import BadSetting

ONLY = ("keyring",)


@click.group()
def keys() -> None:
    """Make, list and revoke the keys of a server.

    They are kept in the file that the setting keyring names, as digests. A server that was started
    with the same setting sees what changes within a second.
    """


@keys.command("add")
@click.argument("name")
@click.option("--models", help="models it may use, with commas between; else all")
@click.option(
    "--max-requests",
    type=click.IntRange(1, 100_000),
    help="requests and live sessions at one time, and jobs in work; else what the server takes",
)
@click.option(
    "--max-backlog-s",
    type=NumberRange(1, 7 * 86400),
    help="predicted seconds of its work that may wait, also of its jobs; else the server's limit",
)
@click.option("--expires", help="a day (2027-01-31) or a time from now (12h, 90d); else never")
@settings_options(only=ONLY)
@click.pass_context
def add(
    context: click.Context,
    name: str,
    models: str | None,
    max_requests: int | None,
    max_backlog_s: float | None,
    expires: str | None,
) -> None:
    """Make a key for NAME, and show it this once."""
    from auricle import keyring
    from auricle.grants import Grant

    path, now = _path(context), datetime.now(UTC)
    if not name.isprintable() or not name.strip():
        raise click.BadParameter("a name has letters that can be shown", param_hint="NAME")
    allowed = tuple(part.strip() for part in (models or "").split(",") if part.strip())
    if models is not None and not allowed:
        raise click.BadParameter(
            f"{models!r} names no model; leave it out for all", param_hint="--models"
        )
    grant = Grant(allowed, max_requests or 0, max_backlog_s or 0.0)
    print(keyring.add(path, name, grant, _until(expires, now), now))


@keys.command("list")
@settings_options(only=ONLY)
@click.pass_context
def list_keys(context: click.Context) -> None:
    """Show whose keys there are. Also what each may take, and until when."""
    from auricle import keyring

    path, now = _path(context), datetime.now(UTC)
    if not path.exists():
        click.echo(f"{path} is not there yet: auricle keys add makes it", err=True)
    rows = [("ID", "NAME", "MADE", "EXPIRES", "MODELS", "REQUESTS", "BACKLOG")]
    for key in keyring.read(path):
        expires = "never" if key.expires is None else f"{key.expires:%Y-%m-%d %H:%M}"
        rows.append(
            (
                key.id,
                key.name,
                f"{key.created:%Y-%m-%d}",
                "expired" if key.has_expired(now) else expires,
                ", ".join(key.models) or "all",
                str(key.max_requests or "any"),
                f"{key.max_backlog_s:g} s" if key.max_backlog_s else "any",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


@keys.command("revoke")
@click.argument("name", metavar="NAME|ID")
@settings_options(only=ONLY)
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """Let the key of that name or id in no more."""
    from auricle import keyring

    revoked = keyring.revoke(_path(context), name)
    print(f"revoked {revoked.id}, the key of {revoked.name}")


def _path(context: click.Context) -> Path:
    path = settings_from(context).keyring
    if path is None:
        raise BadSetting(
            "which file? Name it with --keyring, AURICLE_KEYRING or a line in auricle.toml, and "
            "give auricle serve the same"
        )
    return path


def _until(expires: str | None, now: datetime) -> datetime | None:
    """The moment that ``expires`` means."""
    if expires is None:
        return None
    if match := re.fullmatch(r"(\d{1,5})([hd])", expires):
        number = int(match[1])
        until = now + (timedelta(hours=number) if match[2] == "h" else timedelta(days=number))
    else:
        try:
            until = datetime.fromisoformat(expires)
        except ValueError as exc:
            raise click.BadParameter(
                f"{expires!r} is neither a day such as 2027-01-31 nor a time from now such as 12h "
                "or 90d",
                param_hint="--expires",
            ) from exc
        until = until.replace(tzinfo=until.tzinfo or UTC)
    if until <= now:
        raise click.BadParameter(f"{expires!r} has passed already", param_hint="--expires")
    return until.replace(microsecond=0)
