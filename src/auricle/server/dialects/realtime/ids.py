"""Ids as OpenAI's API has them: what is meant, and a number that nobody can guess.

Knows nothing about what they name.
"""

from __future__ import annotations

import secrets


def new_id(of: str) -> str:
    """Such as ``item_`` and 21 characters."""
    return f"{of}_{secrets.token_hex(11)[:21]}"
