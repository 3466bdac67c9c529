"""API keys: who may ask at all, when the operator wants to know.

Knows nothing about what is asked, or how limits are enforced. Keys are kept as digests and never
shown whole.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import ipaddress
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import Scope

from auricle.errors import BadSetting, Unauthorized
from auricle.grants import EVERYTHING, Grant
from auricle.keyring import Keyring, client_of, digest
from auricle.server.transport.listeners import is_loopback
from auricle.settings.config import Settings
from auricle.system import small_file

SCHEMES = ("bearer", "token")
"""Both carry the key as it is; the second is what Deepgram's clients send."""

KEY_HEADERS = ("api-key", "x-api-key")
"""Headers that hold nothing but the key: clients of Azure's API send the first."""

OPENAI_SUBPROTOCOL = "openai-insecure-api-key."
"""What a page puts before its key when it opens a websocket; OpenAI's name for it."""

MIN_SHOWN_KEY_CHARS = 12
"""A shorter key is not shown even in part."""

MISSING = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank "
    "username) if you're accessing the API from your browser and are prompted for a username and "
    "password. The operator of this server gives out its keys."
)


class ApiKeys:
    """The keys that are let in; without any, and without a keyring, everybody is. They are the
    `Grants` of their owners."""

    def __init__(self, keys: Iterable[str], keyring: Keyring | None = None) -> None:
        self._digests = tuple({digest(key) for key in keys})
        self._keyring = keyring

    @classmethod
    def of(cls, settings: Settings) -> ApiKeys:
        """Those of the settings and of the files they name: one with a key a line, where # begins
        a comment, and a keyring.

        Raises:
            BadSetting: the file cannot be read or holds no key; a key is not visible ASCII; or
                there is none, although others reach the server.
        """
        for key in settings.api_keys:
            _check(key, "api_keys")
        keys = list(settings.api_keys)
        if settings.api_keys_file is not None:
            keys += _read(settings.api_keys_file)
        keyring = None if settings.keyring is None else Keyring(settings.keyring)
        if (
            not keys
            and keyring is None
            and not settings.insecure
            and not is_loopback(settings.host)
        ):
            raise BadSetting(
                f"others reach this server on {settings.host}, and it has no keys: name them with "
                "--api-keys-file or --keyring, or let everybody in with --insecure"
            )
        return cls(keys, keyring)

    def take(self, others: ApiKeys) -> None:
        """From now on these keys are let in, and no others."""
        self._digests, self._keyring = others._digests, others._keyring

    def check(self, key: str) -> None:
        """Let in who gives a known key.

        Raises:
            Unauthorized: it is empty, or a wrong one.
        """
        if not self.are_asked_for:
            return
        if not key:
            raise Unauthorized(MISSING)
        given = digest(key)
        matches = [hmac.compare_digest(given, known) for known in self._digests]
        if not any(matches) and not self._is_on_keyring(given):
            raise Unauthorized(
                f"Incorrect API key provided: {_masked(key)}. The operator of this server gives "
                "out its keys.",
                code="invalid_api_key",
            )

    def client(self, key: str, address: str) -> str:
        """Who asks, for limits per client: the owner of a key that was checked, or else whoever
        has the address."""
        if self.are_asked_for and key:
            return client_of(digest(key))
        return client_at(address)

    def grant_of(self, client: str) -> Grant:
        """What a client may take, by its name from `client`."""
        found = None if self._keyring is None else self._keyring.key_of(client)
        return EVERYTHING if found is None else found.grant

    def is_let_in(self, client: str) -> bool:
        """Whether the key of a client, by its name from `client`, still is. Who came without one
        when none was needed has nothing that could be taken back."""
        if not (client.startswith("key ") and self.are_asked_for):
            return True
        if any(client_of(known) == client for known in self._digests):
            return True
        return self._keyring is not None and self._keyring.key_of(client) is not None

    @property
    def are_asked_for(self) -> bool:
        """Whether every request needs one."""
        return bool(self._digests) or self._keyring is not None

    @property
    def let_nobody_in(self) -> bool:
        """Whether every request needs a key, and there is none."""
        return not self._digests and self._keyring is not None and self._keyring.is_empty

    def _is_on_keyring(self, key_digest: str) -> bool:
        return self._keyring is not None and self._keyring.find(key_digest) is not None


def client_at(address: str) -> str:
    """Who asks without a key. Of an IPv6 address the first half: the rest is the client's to
    choose."""
    if ":" in address:
        with contextlib.suppress(ValueError):
            address = str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    return f"address {address}"


def given_key(scope: Scope) -> str:
    """The key that a request carries, empty without one: in ``Authorization``, in one of
    `KEY_HEADERS`, or among the subprotocols of a websocket, where browsers have no other place."""
    headers = Headers(scope=scope)
    places = (
        _authorization_key(headers.get("authorization", "")),
        *(headers.get(name, "").strip() for name in KEY_HEADERS),
        _subprotocol_key(scope.get("subprotocols", ())),
    )
    return next(filter(None, places), "")


def _authorization_key(authorization: str) -> str:
    scheme, _, value = authorization.replace("\t", " ").partition(" ")
    if scheme.lower() in SCHEMES:
        return value.strip()
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):  # neither base64 nor UTF-8
            decoded = base64.b64decode(value.strip(), validate=True).decode()
            return decoded.partition(":")[2]
    return ""


def _subprotocol_key(offered: Sequence[str]) -> str:
    """``openai-insecure-api-key.KEY``, or, as Deepgram's clients do, a scheme and then the key."""
    for name, following in itertools.pairwise((*offered, "")):
        if name.startswith(OPENAI_SUBPROTOCOL):
            return name.removeprefix(OPENAI_SUBPROTOCOL)
        if name.lower() in SCHEMES:
            return following
    return ""


def _read(path: Path) -> list[str]:
    try:
        lines = small_file.read(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise BadSetting(f"cannot read the keys in {path} (api_keys_file): {reason}") from exc
    keys = []
    for number, line in enumerate(lines, 1):
        if key := line.partition("#")[0].strip():
            _check(key, f"line {number} of {path} (api_keys_file)")
            keys.append(key)
    if not keys:
        raise BadSetting(f"{path} (api_keys_file) holds no key; write one on each line")
    return keys


def _check(key: str, where: str) -> None:
    """Refuse a key that clients cannot send: what a header holds besides visible ASCII arrives in
    one encoding or another, or not at all."""
    if not re.fullmatch("[!-~]+", key):
        raise BadSetting(
            f"{where}: a key may hold only visible ASCII characters, without white space"
        )


def _masked(key: str) -> str:
    return f"{key[:3]}****{key[-4:]}" if len(key) >= MIN_SHOWN_KEY_CHARS else "****"
