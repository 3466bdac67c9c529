"""What a running server takes from its settings anew: ``SIGHUP``.

Knows nothing about signals or where settings come from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Final

from auricle.errors import AuricleError
from auricle.server.access.keys import ApiKeys
from auricle.settings.config import Settings
from auricle.speech_runtime import SpeechRuntime

KEYS: Final = frozenset({"api_keys", "api_keys_file", "keyring"})

TAKEN: Final = KEYS | {
    "max_upload_mb",
    "min_upload_bytes_per_s",
    "max_uploads",
    "max_uploads_per_client",
    "deadline_s",
    "early_headers_s",
}
"""Settings that are looked at for every request; what is made of others lasts as long as the
server."""

logger = logging.getLogger(__name__)


class Reloading:
    """Called when settings are to be read anew. What is wrong with them changes nothing."""

    def __init__(self, runtime: SpeechRuntime, keys: ApiKeys, load: Callable[[], Settings]) -> None:
        self._runtime = runtime
        self._keys = keys
        self._load = load

    def __call__(self) -> None:
        now = self._runtime.settings
        try:
            new = self._load()
            changed = [
                each.name
                for each in fields(new)
                if getattr(new, each.name) != getattr(now, each.name)
            ]
            taken = {name: getattr(new, name) for name in changed if name in TAKEN}
            merged = replace(now, **taken)
            self._keys.take(ApiKeys.of(merged))
        except AuricleError as exc:
            logger.error("the settings stay as they were: %s", exc)
            return
        self._runtime.settings = merged
        logger.info("took keys%s", "".join(f", {name}" for name in sorted(taken.keys() - KEYS)))
        if left := sorted(set(changed) - TAKEN):
            logger.warning("these settings change with the next start: %s", ", ".join(left))
