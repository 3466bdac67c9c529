"""``auricle models``: what is on this machine, what could be, and fetching and removing it.

Knows nothing about sources or files; ``auricle.models`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from auricle.cli.options import settings_from, settings_options

if TYPE_CHECKING:
    from auricle.models.fetch import FetchOptions

CACHE_SETTINGS = ("cache_dir", "sources", "offline")


@click.group()
def models() -> None:
    """List, download and remove models."""


@models.command("list")
@settings_options(only=CACHE_SETTINGS)
@click.pass_context
def list_models(context: click.Context) -> None:
    """Show which models are known. Those on this machine are shown with their folder."""
    from auricle.models import registry
    from auricle.models.fetch import FetchOptions

    fetching = FetchOptions.of(settings_from(context))
    known = {model.id: model for model in registry.models()}
    here = _on_this_machine(fetching)
    rows = [("MODEL", "SIZE", "LANGUAGES", "TRANSLATES", "ON THIS MACHINE")]
    for name in [*known, *(name for name in here if name not in known | registry.AUXILIARY)]:
        place, n_bytes = here.get(name, ("", 0))
        model = known.get(name)
        facts = ("?", "?")
        if model is not None:
            n_bytes = model.download_bytes
            languages = "English" if model.english_only else str(model.languages)
            facts = (languages, "yes" if model.translates else "no")
        rows.append((name, _size(n_bytes), *facts, place))
    for weights in registry.AUXILIARY.values():
        place, _ = here.get(weights.id, ("", 0))
        rows.append((weights.id, _size(weights.download_bytes), "any", "", place))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


@models.command("download")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@settings_options(only=CACHE_SETTINGS)
@click.pass_context
def download(context: click.Context, names: tuple[str, ...]) -> None:
    """Fetch models into the cache. NAME is one of the list, or a hub id (owner/name)."""
    from auricle.models import registry
    from auricle.models.fetch import FetchOptions, locate, obtain
    from auricle.models.progress import Bar

    settings = settings_from(context)
    for name in names:
        if (weights := registry.AUXILIARY.get(name)) is not None:
            print(f"{name} is in {obtain(weights, FetchOptions.of(settings), Bar())}")
            continue
        checkpoint = locate(name, settings)
        print(f"{checkpoint.name} is in {checkpoint.path}")


@models.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@settings_options(only=CACHE_SETTINGS)
@click.pass_context
def remove(context: click.Context, names: tuple[str, ...]) -> None:
    """Delete models from the cache. Models in other folders are never touched."""
    from auricle.models import cache, registry
    from auricle.models.fetch import FetchOptions

    fetching = FetchOptions.of(settings_from(context))
    for name in names:
        known = registry.resolve(name)
        entry = cache.remove(fetching.cache, known.id if known else name)
        print(f"removed {entry.name}: {_size(entry.bytes)}")


def _on_this_machine(fetching: FetchOptions) -> dict[str, tuple[str, int]]:
    """Name -> (folder, bytes) of every whole model, in our cache or the Hugging Face cache."""
    from auricle.models import cache, registry

    found = {
        entry.name: (str(fetching.cache / cache.folder_name(entry.name)), entry.bytes)
        for entry in cache.entries(fetching.cache)
    }
    for model in registry.models():
        for mirror in model.mirrors:
            snapshot = cache.hub_snapshot(mirror, fetching.environ)
            if snapshot is not None and cache.holds(snapshot, model.files, fetching.cache):
                found.setdefault(model.id, (str(snapshot), model.download_bytes))
    return found


def _size(n_bytes: int) -> str:
    if n_bytes >= 1_000_000_000:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{n_bytes / 1e6:.0f} MB" if n_bytes else "?"
