"""Auricle: a speech-to-text server for your own machine that existing clients can point at.

`Client` and `AsyncClient` are loaded when they are first named: most of what imports this package
is the server and its child processes, which need neither. ``__init__.pyi`` has their types.
"""

import importlib

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'auricle' has no attribute {name!r}")
    return getattr(importlib.import_module("auricle.client"), name)
