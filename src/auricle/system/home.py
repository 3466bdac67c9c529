"""The user's home folder, also of a user who has none.

Knows nothing about what lies there.
"""

from __future__ import annotations

from pathlib import Path

NO_HOME = Path("/nonexistent")
"""What Debian writes for users without a home: nothing is there, and none but root can make it."""


def home() -> Path:
    """The home folder; `NO_HOME` where neither the environment nor the system knows one, as for a
    container's user id without a name."""
    try:
        return Path.home()
    except RuntimeError:
        return NO_HOME


def expanded(path: Path) -> Path:
    """``path`` with the home folder for its ``~``; unchanged where nobody knows that folder."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
