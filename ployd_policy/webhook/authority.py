"""A certificate authority of our own for one webhook: what is to be made, kept and renewed when. Pure but for chance.

Three stages make a change of authority unnoticed: the next one is made and told to the API server, some time later it
signs, and the one before it stays known until the next change. https://cert-manager.io/docs/ argues the same order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Pairs = Mapping[str, bytes]
"""The data of a Secret: PEM by name."""

LEAF, LEAF_KEY = "tls.crt", "tls.key"
_CURRENT, _CURRENT_KEY = "ca.crt", "ca.key"
_NEXT, _NEXT_KEY = "next-ca.crt", "next-ca.key"
_PREVIOUS = "previous-ca.crt"

_CA_LIFE = dt.timedelta(days=365)
_LEAF_LIFE = dt.timedelta(days=60)
# The last third is for whoever has to find out why renewing fails.
_RENEW_AFTER = 2 / 3
# API servers learn of a new authority by their watch; minutes, where one is behind.
_SETTLE = dt.timedelta(minutes=10)
_SKEW = dt.timedelta(minutes=5)


def renewed(pairs: Pairs, names: Sequence[str], now: dt.datetime) -> dict[str, bytes]:
    """The pairs as they shall be from `now` on: the same where nothing is due.

    Args:
        pairs: what the Secret holds; empty at first.
        names: DNS names the leaf must serve; the first one is its common name.
        now: the time, with a zone.

    """
    kept = dict(pairs)
    if not _usable(kept, _CURRENT, _CURRENT_KEY, now):
        kept = {}
        kept[_CURRENT], kept[_CURRENT_KEY] = _authority(now)
    if _is_due(kept[_CURRENT], now) and _NEXT not in kept:
        kept[_NEXT], kept[_NEXT_KEY] = _authority(now)
    if _NEXT in kept and now - _read(kept[_NEXT]).not_valid_before_utc - _SKEW >= _SETTLE:
        kept[_PREVIOUS] = kept[_CURRENT]
        kept[_CURRENT], kept[_CURRENT_KEY] = kept.pop(_NEXT), kept.pop(_NEXT_KEY)
        kept.pop(LEAF, None)
    if LEAF not in kept or _is_due(kept[LEAF], now) or _names(kept[LEAF]) != sorted(names):
        kept[LEAF], kept[LEAF_KEY] = _leaf(kept[_CURRENT], kept[_CURRENT_KEY], names, now)
    return kept


def ca_bundle(pairs: Pairs) -> bytes:
    """What the API server shall trust: the authority that signs, the one that will, the one that did."""
    return b"".join(pairs[name] for name in (_CURRENT, _NEXT, _PREVIOUS) if name in pairs)


def _usable(pairs: Pairs, certificate: str, key: str, now: dt.datetime) -> bool:
    try:
        return _read(pairs[certificate]).not_valid_after_utc > now and bool(_key(pairs[key]))
    except (KeyError, ValueError, TypeError):
        return False


def _is_due(pem: bytes, now: dt.datetime) -> bool:
    certificate = _read(pem)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) * _RENEW_AFTER


def _names(pem: bytes) -> list[str]:
    extension = _read(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(extension.value.get_values_for_type(x509.DNSName))


def _authority(now: dt.datetime) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ployd-policy webhook {now:%Y-%m-%dT%H:%M:%SZ}")])
    certificate = (
        _builder(subject, subject, key.public_key(), now, _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate), _key_pem(key)


def _leaf(ca: bytes, ca_key: bytes, names: Sequence[str], now: dt.datetime) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _builder(subject, _read(ca).subject, key.public_key(), now, _LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(_key(ca_key), hashes.SHA256())
    )
    return _pem(certificate), _key_pem(key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, life: dt.timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not an elliptic curve key")
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
