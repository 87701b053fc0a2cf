"""The certificate the server shows: read from files, looked at again and again, replaced without a dropped connection.

Each pair gets a context of its own, and each handshake takes the newest one. A context in use cannot be loaded again:
with a key that does not fit it is broken, halfway through it has no key at all, and a pair of another algorithm is
added to the old one instead of replacing it. Half-written pairs are usual while a Secret is being mounted.
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
    """To listen with. It has no pair itself."""
    _current: ssl.SSLContext = field(init=False)
    _served: tuple[bytes, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        """Load the pair.

        Raises:
            ConfigurationError: it cannot be used.

        """
        self.context = _context()
        self.context.sni_callback = self._choose
        if self.client_ca is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.refresh()

    def refresh(self) -> bool:
        """Serve what the files hold now, if it is new; whether it was. Any thread may call.

        Raises:
            ConfigurationError: what they hold cannot be used; what was served is served on.

        """
        texts = tuple(_read(path) for path in (self.certificate, self.key, self.client_ca) if path is not None)
        if texts == self._served:
            return False
        try:
            context = _context()
            _load(context, *texts)
            expiry = x509.load_pem_x509_certificate(texts[0]).not_valid_after_utc.timestamp()
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError(
                f"{self.certificate} and {self.key} cannot be served: {error}",
                remedy="Mount a certificate with its own key, both whole, in PEM.",
            ) from None
        self._current, self._served, self.expiry = context, texts, expiry
        return True

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _listening: ssl.SSLContext) -> None:
        """Called in every handshake, also where the caller names no server."""
        handshake.context = self._current


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # A session that is resumed is not verified again, and would outlive the authority that let it in.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes, client_ca: bytes | None = None) -> None:
    """Give a context a pair that is in memory; OpenSSL's binding reads files only."""
    descriptor = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, certificate + b"\n" + key)
        # A key that is encrypted is refused; without a password here OpenSSL would ask a terminal for it, and wait.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
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
