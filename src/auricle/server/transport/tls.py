"""The certificate that a server shows, from its files.

Knows nothing about sockets or requests.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from auricle.errors import BadSetting
from auricle.settings.config import Settings


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """What TLS needs; None for a server without.

    Raises:
        BadSetting: one of the two files is not named, cannot be read, or does not fit the other.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        missing = "tls_cert" if settings.tls_cert is None else "tls_key"
        raise BadSetting(f"{missing} is missing: TLS needs a certificate and its key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
    except (OSError, ValueError) as exc:
        raise BadSetting(_explained(settings.tls_cert, settings.tls_key, exc)) from exc
    return context


def _no_password() -> str:
    """Without this OpenSSL would ask on the terminal, and the server would wait there."""
    raise ValueError("the key is encrypted")


def _explained(cert: Path, key: Path, exc: OSError | ValueError) -> str:
    for path, name in ((cert, "tls_cert"), (key, "tls_key")):
        if not path.is_file():
            return f"cannot read {path} ({name}): there is no such file"
    reason = (exc.reason or "not PEM") if isinstance(exc, ssl.SSLError) else str(exc)
    return f"cannot use the certificate {cert} (tls_cert) with {key} (tls_key): {reason}"
