"""API keys: who may ask at all, when the operator wants to know.

Knows nothing about limits or what is asked. Keys are kept as digests and never shown whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path

from auricle.config import Settings
from auricle.errors import BadSetting, Unauthorized

SCHEMES = ("bearer", "token")
"""Both carry the key as it is; the second is what Deepgram's clients send."""

KEY_HEADERS = ("api-key", "x-api-key")
"""Headers that hold nothing but the key: clients of Azure's API send the first."""

MIN_SHOWN_KEY_CHARS = 12
"""A shorter key is not shown even in part."""

MISSING = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank "
    "username) if you're accessing the API from your browser and are prompted for a username and "
    "password. The operator of this server gives out its keys."
)


class ApiKeys:
    """The keys that are let in; none at all lets everybody in."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple({_digest(key) for key in keys})

    @classmethod
    def of(cls, settings: Settings) -> ApiKeys:
        """Those of the settings and of the file they name: one a line, # begins a comment.

        Raises:
            BadSetting: the file cannot be read, or holds no key.
        """
        from_file: tuple[str, ...] = ()
        if settings.api_keys_file is not None:
            from_file = _read(settings.api_keys_file)
        return cls((*settings.api_keys, *from_file))

    def check(self, headers: Mapping[str, str]) -> None:
        """Let in who gives a known key, see `given_key`.

        Raises:
            Unauthorized: there is none, or a wrong one.
        """
        if not self._digests:
            return
        key = given_key(headers)
        if not key:
            raise Unauthorized(MISSING)
        digest = _digest(key)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if not any(matches):
            raise Unauthorized(
                f"Incorrect API key provided: {_masked(key)}. The operator of this server gives "
                "out its keys.",
                code="invalid_api_key",
            )


def given_key(headers: Mapping[str, str]) -> str:
    """The key that a request carries, in ``Authorization`` or in one of `KEY_HEADERS`; empty
    without one."""
    key = _authorization_key(headers.get("authorization", ""))
    return next(filter(None, (key, *(headers.get(name, "") for name in KEY_HEADERS))), "")


def _authorization_key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in SCHEMES:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return decoded.partition(":")[2]
    return ""


def _read(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise BadSetting(f"cannot read the keys in {path} (api_keys_file): {reason}") from exc
    keys = tuple(key for line in lines if (key := line.partition("#")[0].strip()))
    if not keys:
        raise BadSetting(f"{path} (api_keys_file) holds no key; write one on each line")
    return keys


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _masked(key: str) -> str:
    return f"{key[:3]}****{key[-4:]}" if len(key) >= MIN_SHOWN_KEY_CHARS else "****"
