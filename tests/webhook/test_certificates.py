"""P10 and P11: certificates change under load without a failed handshake; callers show theirs where they must."""

import datetime as dt
import shutil
import socket
import ssl
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from control_plane_files import Authority
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from served import Files, Load, Served, Tally, deployment, review, running, until

PROMISED_S = 60.0


def serial(server: Served) -> str:
    """Of the certificate that is shown now."""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain,
        server.context().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        return str(connection.getpeercert()["serialNumber"])  # type: ignore[index]


def serial_of(certificate: Path) -> str:
    """Of a certificate in a file, as ssl writes it."""
    number = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
    digits = f"{number:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def test_twenty_rotations_under_load_fail_no_handshake(tmp_path: Path) -> None:
    """Ten as kubelet swaps a Secret, ten as files that somebody writes one after the other, wrongly in between."""
    with ThreadPoolExecutor(2) as pool:
        ways = (_rotate_by_links, _rotate_files)
        for tally, replaced in pool.map(lambda way: way(tmp_path / way.__name__), ways):
            assert (tally.lost, tally.wrong) == ([], [])
            assert tally.right >= 100
            assert replaced == 10


def _rotate_by_links(folder: Path) -> tuple[Tally, int]:
    files, mount = Files(folder / "authority"), folder / "mount"
    _swap(files, mount, "first")
    with _loaded(files, mount) as (server, load):
        for number in range(10):
            _swap(files, mount, f"swap{number}")
            _wait_for(server, mount / "tls.crt")
        load.more(20)
    return load.tally, len(server.said("certificate replaced"))


def _rotate_files(folder: Path) -> tuple[Tally, int]:
    files, mount = Files(folder / "authority"), folder / "mount"
    mount.mkdir()
    for ending in ("crt", "key"):
        shutil.copy(folder / "authority" / f"server.{ending}", mount / f"tls.{ending}")
    with _loaded(files, mount) as (server, load):
        for number in range(10):
            new = files.issue(f"plain{number}")
            certificate, key = Path(f"{new}.crt").read_bytes(), Path(f"{new}.key").read_bytes()
            before, seen = serial(server), len(server.lines)
            (mount / "tls.crt").write_bytes(certificate[: len(certificate) // 2])
            if number == 1:  # half a certificate
                server.wait_for("certificate refused", after=seen)
                assert serial(server) == before
            (mount / "tls.crt").write_bytes(certificate)
            if number == 2:  # with the key of the one before
                server.wait_for("certificate refused", after=seen)
                assert serial(server) == before
            (mount / "tls.key").write_bytes(key)
            _wait_for(server, mount / "tls.crt")
        load.more(20)
    return load.tally, len(server.said("certificate replaced"))


@contextmanager
def _loaded(files: Files, mount: Path) -> Iterator[tuple[Served, Load]]:
    """A server with this pair; two callers shake hands for every review."""
    pair = ("--tls-cert", mount / "tls.crt", "--tls-key", mount / "tls.key")
    with (
        running(files, *pair, "--standalone", "--workers", "1") as server,
        Load(lambda: [server], callers=2, rate=20, fresh_connections=True) as load,
    ):
        yield server, load


def _swap(files: Files, mount: Path, name: str) -> None:
    """A Secret's new content, as kubelet puts it: a new folder, then the link `..data` to it."""
    new = files.issue(name)
    folder = mount / f"..{name}"
    folder.mkdir(parents=True)
    for ending in ("crt", "key"):
        shutil.copy(f"{new}.{ending}", folder / f"tls.{ending}")
        if not (mount / f"tls.{ending}").is_symlink():
            (mount / f"tls.{ending}").symlink_to(f"..data/tls.{ending}")
    (mount / "..data_tmp").symlink_to(folder.name)
    (mount / "..data_tmp").rename(mount / "..data")


def _wait_for(server: Served, certificate: Path) -> None:
    wanted = serial_of(certificate)
    assert until(lambda: serial(server) == wanted, wait_s=PROMISED_S) < PROMISED_S


def test_a_certificate_of_another_algorithm_replaces_the_old_one_for_everybody(tmp_path: Path) -> None:
    """OpenSSL keeps a pair for each algorithm: an RSA pair that was not taken away would go on being shown."""
    files = Files(tmp_path)
    _write_rsa(tmp_path / "live")
    only_rsa = ssl.create_default_context(cafile=str(tmp_path / "live.crt"))
    only_rsa.maximum_version = ssl.TLSVersion.TLSv1_2
    only_rsa.set_ciphers("aRSA")

    def shakes_rsa(server: Served) -> bool:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain:
            try:
                only_rsa.wrap_socket(plain, server_hostname="localhost").close()
            except ssl.SSLError:
                return False
            return True

    pair = ("--tls-cert", tmp_path / "live.crt", "--tls-key", tmp_path / "live.key")
    with running(files, *pair, "--standalone", "--workers", "1") as server:
        assert shakes_rsa(server)
        seen = len(server.lines)
        shutil.copy(tmp_path / "server.key", tmp_path / "live.key")
        shutil.copy(tmp_path / "server.crt", tmp_path / "live.crt")
        server.wait_for("certificate replaced", after=seen)
        assert not shakes_rsa(server)
        assert server.post(review(deployment())).allowed


def _write_rsa(path: Path) -> None:
    """Write PATH.crt and PATH.key, signed by itself, with an RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.with_suffix(".crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """A server that wants callers' certificates by one authority and name, and a folder of pairs."""
    folder = tmp_path_factory.mktemp("callers")
    files = Files(folder)
    ours, others = Authority.create("callers"), Authority.create("callers")  # the same name, another key
    (folder / "callers.crt").write_bytes(ours.certificate_pem)
    ours.issue(folder / "api-server", "kube-apiserver")
    ours.issue(folder / "somebody", "somebody")
    ours.issue(folder / "prefix", "kube-apiserver.example.com")
    ours.issue(folder / "organisation", "somebody", organisation="kube-apiserver")
    ours.issue(folder / "alternative", "somebody", names=("kube-apiserver",))
    others.issue(folder / "forged", "kube-apiserver")
    files.authority.issue(folder / "of-the-server", "kube-apiserver")
    _write_rsa(folder / "self-signed")
    arguments = ("--client-ca", folder / "callers.crt", "--client-cn", "kube-apiserver")
    with running(files, *arguments, "--standalone", "--workers", "1") as server:
        yield server, folder


def asked(server: Served, trust: ssl.SSLContext) -> int | str:
    """The status a caller gets; "refused" where the handshake fails."""
    try:
        return server.post(review(deployment()), context=trust).status
    except (ssl.SSLError, ConnectionError, urllib.error.URLError):
        return "refused"


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ("api-server", 200),
        (None, "refused"),
        ("forged", "refused"),
        ("of-the-server", "refused"),
        ("self-signed", "refused"),
        ("somebody", 403),
        ("prefix", 403),
        ("organisation", 403),
        ("alternative", 403),
    ],
)
def test_only_the_named_caller_of_the_named_authority_is_answered(
    guarded: tuple[Served, Path], shown: str | None, wanted: int | str
) -> None:
    server, folder = guarded
    before = len(server.said("decision"))
    assert asked(server, server.context(folder / shown if shown else None)) == wanted
    assert len(server.said("decision")) - before == (1 if wanted == 200 else 0)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_is_1_2_at_least(guarded: tuple[Served, Path]) -> None:
    server, folder = guarded
    for version, wanted in ((ssl.TLSVersion.TLSv1_1, "refused"), (ssl.TLSVersion.TLSv1_2, 200)):
        trust = server.context(folder / "api-server")
        trust.set_ciphers("DEFAULT:@SECLEVEL=0")
        trust.minimum_version = trust.maximum_version = version
        # This side can: it shakes hands with a server that takes everything.
        assert _shakes_with_anything(trust, folder) == version.name.replace("_", ".")
        assert asked(server, trust) == wanted


def _shakes_with_anything(trust: ssl.SSLContext, folder: Path) -> str:
    """The version that is agreed on with a server in memory that refuses no version."""
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.minimum_version = ssl.TLSVersion.TLSv1_1
    lax.set_ciphers("DEFAULT:@SECLEVEL=0")
    lax.load_cert_chain(folder / "server.crt", folder / "server.key")
    to_server, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = trust.wrap_bio(to_caller, to_server, server_hostname="localhost")
    served = lax.wrap_bio(to_server, to_caller, server_side=True)
    for _ in range(4):
        for each in (caller, served):
            with suppress(ssl.SSLWantReadError):
                each.do_handshake()
    return str(caller.version())


def test_probes_need_no_certificate(guarded: tuple[Served, Path]) -> None:
    assert guarded[0].probe("/readyz")[0] == 200


def test_an_authority_that_is_taken_away_is_not_trusted_any_more(tmp_path: Path) -> None:
    files = Files(tmp_path)
    old, new = Authority.create("old"), Authority.create("new")
    old.issue(tmp_path / "old", "kube-apiserver")
    new.issue(tmp_path / "new", "kube-apiserver")
    (tmp_path / "callers.crt").write_bytes(old.certificate_pem)
    with running(files, "--client-ca", tmp_path / "callers.crt", "--standalone", "--workers", "1") as server:

        def both() -> tuple[int | str, int | str]:
            return asked(server, server.context(tmp_path / "old")), asked(server, server.context(tmp_path / "new"))

        assert both() == (200, "refused")
        for content, wanted in (
            (old.certificate_pem + new.certificate_pem, (200, 200)),
            (new.certificate_pem, ("refused", 200)),
        ):
            seen = len(server.lines)
            (tmp_path / "callers.crt").write_bytes(content)
            server.wait_for("certificate replaced", after=seen)
            assert both() == wanted


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tls-cert", "server.crt"),
        ("--tls-key", "server.key"),
        ("--tls-cert", "server.crt", "--tls-key", "server.key", "--client-cn", "x"),
        ("--tls-cert", "server.crt", "--tls-key", "missing"),
        ("--tls-cert", "server.key", "--tls-key", "server.crt"),
        ("--tls-cert", "server.crt", "--tls-key", "server.key", "--client-ca", "server.key"),
        ("--tls-cert", "server.crt", "--tls-key", "server.key", "--client-ca", "empty"),
    ],
)
def test_it_does_not_begin_without_what_it_needs(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    files = Files(tmp_path)
    (tmp_path / "empty").touch()
    placed = [each if each.startswith("--") or each == "x" else tmp_path / each for each in arguments]
    server = Served(files, *placed, "--standalone", bare=True)
    assert server.wait() == 2
    assert server.said("serving") == []
    assert len("\n".join(server.noise)) > 20
