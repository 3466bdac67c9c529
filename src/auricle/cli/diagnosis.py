"""What `auricle doctor` finds beside the machine: the settings it was given, and its address.

Knows nothing about how findings are shown. Fetches nothing and changes nothing.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from auricle.diagnosis import findings
from auricle.diagnosis.findings import Diagnosis
from auricle.errors import BadSetting
from auricle.server.access.keys import ApiKeys
from auricle.server.transport import listeners, tls
from auricle.settings import sources as config_sources
from auricle.settings.config import Settings


def diagnose(settings: Settings, config_path: Path | None) -> Diagnosis:
    """Everything ``auricle doctor`` shows. Takes a second or two: it starts an engine process."""
    found = findings.diagnose(settings)
    _plan_settings(found, settings, config_path)
    _plan_address(found, settings)
    _plan_access(found, settings)
    return found


def _plan_settings(found: Diagnosis, settings: Settings, config_path: Path | None) -> None:
    named = config_path or os.environ.get("AURICLE_CONFIG")
    path = Path(named) if named else config_sources.config_file(os.environ)
    found.plan["settings file"] = str(path) if path.is_file() else f"none ({path} would be read)"
    changed = [
        f"{each.name}={'…' if each.metadata['secret'] else getattr(settings, each.name)}"
        for each in fields(Settings)
        if getattr(settings, each.name) != each.default
    ]
    found.plan["changed settings"] = " ".join(changed) or "none"


def _plan_address(found: Diagnosis, settings: Settings) -> None:
    try:
        sockets = listeners.listeners(settings.host, settings.port)
    except BadSetting as exc:
        found.plan["address"] = f"{settings.host}, port {settings.port}"
        found.add(exc.message, "stop what listens there, or use another --port", is_fatal=False)
        return
    found.plan["address"] = " and ".join(map(listeners.url, sockets))
    for each in sockets:
        each.close()


def _plan_access(found: Diagnosis, settings: Settings) -> None:
    """Who may ask: without keys where others reach the server, it does not start."""
    try:
        found.plan["keys"] = "asked for" if ApiKeys.of(settings).are_asked_for else "none"
    except BadSetting as exc:
        found.plan["keys"] = "wanting"
        found.add(
            exc.message, "`auricle keys add NAME --keyring FILE` makes a file of keys, and a key"
        )
    try:
        tls.server_context(settings)
    except BadSetting as exc:
        found.add(exc.message, "give the certificate and its key as PEM files")
    folder = settings.job_folder
    if folder is not None and not folder.is_dir():
        found.add(
            f"{folder} (job_folder) is no folder: jobs that name a path get none",
            "make it, or name another",
            is_fatal=False,
        )
