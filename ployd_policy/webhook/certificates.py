"""The certificate the server shows: read from files, looked at again and again, replaced without a dropped connection.

A new pair is tried in a context of its own first: `load_cert_chain` with a key that does not fit breaks the context it
is called on, and half-written pairs are usual while a Secret is being mounted.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from ployd_policy.model.errors import ConfigurationError

_LARGEST = 64 * 1024
"""Bytes of PEM; parsers were slow on more (CVE-2024-12401)."""


@dataclass(slots=True)
class Certificate:
    """One pair of files, and the context that serves it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """Who signs the certificates callers must show; None: none is asked for."""
    expiry: float = 0.0
    """Seconds since 1970, of what is served."""
    context: ssl.SSLContext = field(init=False)
    _served: tuple[bytes, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        """Load the pair.

        Raises:
            ConfigurationError: it cannot be used.

        """
        self.context = _context()
        self.refresh()

    def refresh(self) -> bool:
        """Serve what the files hold now, if it is new; whether it was.

        Authorities of clients are added to those that were known; one that was taken away is trusted until a restart.

        Raises:
            ConfigurationError: what they hold cannot be used; what was served is served on.

        """
        texts = tuple(_read(path) for path in (self.certificate, self.key, self.client_ca) if path is not None)
        if texts == self._served:
            return False
        try:
            # The bytes that were tried are the bytes that are served, whatever happens to the files in between.
            _load(_context(), *texts)
            expiry = x509.load_pem_x509_certificate(texts[0]).not_valid_after_utc.timestamp()
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError(
                f"{self.certificate} and {self.key} cannot be served: {error}",
                remedy="Mount a certificate with its own key, both whole, in PEM.",
            ) from None
        _load(self.context, *texts)
        self._served, self.expiry = texts, expiry
        return True


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes, client_ca: bytes | None = None) -> None:
    """Give a context a pair that is in memory; OpenSSL's binding reads files only."""
    descriptor = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, certificate + b"\n" + key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    if client_ca is not None:
        context.load_verify_locations(cadata=client_ca.decode("ascii"))
        context.verify_mode = ssl.CERT_REQUIRED


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}", remedy="Mount it there.") from None
    if len(data) > _LARGEST:
        raise ConfigurationError(f"{path} is larger than {_LARGEST} bytes, so it is no certificate or key")
    return data
