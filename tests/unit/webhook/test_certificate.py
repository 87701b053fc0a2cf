"""Which pairs are served, which are refused, and that a refused one changes nothing."""

import ssl
from pathlib import Path

import pytest
from control_plane_files import Authority
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.webhook.certificates import Certificate


class Pair:
    """A certificate and key in files that tests overwrite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.create("tests")
        (folder / "ca.crt").write_bytes(self.authority.certificate_pem)
        self.issue("live")

    def issue(self, name: str) -> tuple[bytes, bytes]:
        self.authority.issue(self.folder / name, name, names=("localhost",))
        return (self.folder / f"{name}.crt").read_bytes(), (self.folder / f"{name}.key").read_bytes()

    def write(self, certificate: bytes, key: bytes) -> None:
        (self.folder / "live.crt").write_bytes(certificate)
        (self.folder / "live.key").write_bytes(key)

    def served(self) -> Certificate:
        return Certificate(self.folder / "live.crt", self.folder / "live.key")

    def shown(self, certificate: Certificate) -> str:
        """The common name that a caller sees."""
        trust = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        to_server, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
        caller = trust.wrap_bio(to_caller, to_server, server_hostname="localhost")
        server = certificate.context.wrap_bio(to_server, to_caller, server_side=True)
        for side in (caller, server, caller, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
        found = x509.load_der_x509_certificate(caller.getpeercert(binary_form=True) or b"")
        return str(found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_a_new_pair_is_served_and_its_end_is_known(pair: Pair) -> None:
    certificate = pair.served()
    assert (pair.shown(certificate), certificate.refresh()) == ("live", False)
    new, key = pair.issue("second")
    pair.write(new, key)
    assert (certificate.refresh(), pair.shown(certificate), certificate.refresh()) == (True, "second", False)
    assert certificate.expiry == x509.load_pem_x509_certificate(new).not_valid_after_utc.timestamp()


def encrypted(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )


@pytest.mark.parametrize(
    "what",
    [
        "half a certificate",
        "half a key",
        "another key",
        "no certificate",
        "no key",
        "text",
        "swapped",
        "an encrypted key",
        "64 KiB",
    ],
)
def test_a_pair_that_cannot_be_served_is_refused_and_the_old_one_is_shown(pair: Pair, what: str) -> None:
    certificate = pair.served()
    expiry = certificate.expiry
    new, key = pair.issue("second")
    _, other = pair.issue("third")
    bad = {
        "half a certificate": (new[: len(new) // 2], key),
        "half a key": (new, key[: len(key) // 2]),
        "another key": (new, other),
        "no certificate": (b"", key),
        "no key": (new, b""),
        "text": (b"certificate", b"key"),
        "swapped": (key, new),
        "an encrypted key": (new, encrypted(key)),
        "64 KiB": (new + b"\n" * (64 * 1024), key),
    }[what]
    pair.write(*bad)
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            certificate.refresh()
        assert (pair.shown(certificate), certificate.expiry) == ("live", expiry)
    pair.write(new, key)
    assert (certificate.refresh(), pair.shown(certificate)) == (True, "second")


def test_nothing_is_served_where_the_first_pair_cannot_be(pair: Pair) -> None:
    pair.write(b"", b"")
    with pytest.raises(ConfigurationError, match="cannot be served"):
        pair.served()


def test_a_file_that_is_away_is_an_error_that_names_it(pair: Pair) -> None:
    certificate = pair.served()
    (pair.folder / "live.key").unlink()
    with pytest.raises(ConfigurationError, match=r"live\.key cannot be read: No such file"):
        certificate.refresh()
    assert pair.shown(certificate) == "live"


def test_a_link_that_is_swapped_is_followed(pair: Pair) -> None:
    first, second = pair.folder / "..1", pair.folder / "..2"
    for folder, name in ((first, "live"), (second, "second")):
        folder.mkdir()
        for ending, content in zip(("crt", "key"), pair.issue(name), strict=True):
            (folder / f"tls.{ending}").write_bytes(content)
    (pair.folder / "..data").symlink_to("..1")
    for ending in ("crt", "key"):
        (pair.folder / f"tls.{ending}").symlink_to(f"..data/tls.{ending}")
    certificate = Certificate(pair.folder / "tls.crt", pair.folder / "tls.key")
    assert pair.shown(certificate) == "live"
    (pair.folder / "..data_tmp").symlink_to("..2")
    (pair.folder / "..data_tmp").rename(pair.folder / "..data")
    assert (certificate.refresh(), pair.shown(certificate)) == (True, "second")


def test_authorities_of_callers_that_are_none_are_refused(pair: Pair) -> None:
    for content in (b"", b"text", pair.authority.certificate_pem[:200], b"\xff"):
        (pair.folder / "callers.crt").write_bytes(content)
        with pytest.raises(ConfigurationError):
            Certificate(pair.folder / "live.crt", pair.folder / "live.key", pair.folder / "callers.crt")


def test_sessions_are_not_resumed(pair: Pair) -> None:
    """A session that is resumed is not verified again."""
    context = pair.served().context
    assert context.num_tickets == 0
    assert context.options & ssl.OP_NO_TICKET
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
