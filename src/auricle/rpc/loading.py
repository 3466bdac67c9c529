"""Have a fresh child load what it works with, or end it.

Knows nothing about what that is.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

from auricle.errors import LoadingFailed
from auricle.rpc.child import Child, ChildDied

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


async def load(
    child: Child[_Request, _Reply], request: _Request, folder: Path, max_s: float
) -> _Reply:
    """The reply to ``request``, which makes the child load ``folder``.

    Raises:
        LoadingFailed: the process died loading it, or it took longer than ``max_s``. The child is
            ended then, as it is where it raises anything.
        ModelUnusable: the folder cannot be loaded.
    """
    try:
        async with asyncio.timeout(max_s):
            return await child.call(request)
    except ChildDied as exc:
        raise LoadingFailed(f"the process died while loading {folder.name}: {exc}") from exc
    except TimeoutError as exc:
        child.kill()
        raise LoadingFailed(f"loading {folder.name} did not end within {max_s:g} s") from exc
    except BaseException:
        child.kill()
        raise
