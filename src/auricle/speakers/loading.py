"""The networks on the quickest library that is installed: OpenVINO, else numpy.

Knows nothing about what the networks hear.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from auricle.errors import ModelUnusable
from auricle.speakers.diarization import Networks

_log = logging.getLogger(__name__)

_LIBRARY = "openvino"
_MODULES = (
    "auricle.speakers.lstm_graph",
    "auricle.speakers.embedding_graph",
    "auricle.speakers.compiled",
)


def load(folder: Path, streams: int, find: Callable[[str], object | None] = find_spec) -> Networks:
    """Read both checkpoints of a folder; in OpenVINO ``streams`` threads compute at a time,
    and more wait.

    Where OpenVINO fails, numpy does the same. Raises ModelUnusable, which names the file.
    """
    if find(_LIBRARY) is not None:
        try:
            lstm, embedding, compiled = (import_module(each) for each in _MODULES)
            settings = {"streams": streams, "precision": compiled.precision()}
            return Networks.load(
                folder,
                partial(lstm.Lstm, **settings),
                partial(embedding.Embedding, **settings),
            )
        except ModelUnusable:
            raise
        except Exception as exc:  # noqa: BLE001  # whatever a library on some machine may raise
            _log.warning("speakers are computed in numpy, as OpenVINO failed: %s", exc)
    return Networks.load(folder)
