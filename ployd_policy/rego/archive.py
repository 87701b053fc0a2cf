"""The bundle as OPA loads it: a tar.gz with manifest, modules and data. The same bundle gives the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

from ployd_policy.model.errors import BundleError
from ployd_policy.rego.bundle import PolicyBundle
from ployd_policy.rego.module import Dialect, PolicyModule, parse_module

_UNPACKED_BYTES = 256 * 1024 * 1024
_ENTRYPOINT = "policies/ployd/main/main.rego"
"""Written anew by whoever loads."""


def bundle_archive(bundle: PolicyBundle) -> bytes:
    """The bundle for `opa run --server --bundle FILE`."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in _files(bundle):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def read_archive(archive: bytes) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Modules and data of an archive that `bundle_archive` wrote, as `load_bundle` takes them.

    Raises:
        BundleError: it is no such archive.

    """
    modules: list[tuple[str, str]] = []
    data: dict[str, Any] | None = None
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(archive)) as packed:
            text = packed.read(_UNPACKED_BYTES + 1)
        if len(text) > _UNPACKED_BYTES:
            raise BundleError(f"the bundle unpacks to more than {_UNPACKED_BYTES} bytes")
        with tarfile.open(fileobj=io.BytesIO(text), mode="r:") as tar:
            for member in tar:
                file = tar.extractfile(member)
                content = file.read() if file is not None else b""
                if member.name.lstrip("/") == "data.json":
                    data = json.loads(content)
                elif member.name.endswith(".rego"):
                    modules.append((member.name, content.decode("utf-8")))
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise BundleError(
            f"this is no bundle of policies: {error}", remedy="`ployd-policy bundle` writes one."
        ) from None
    if data is None or not isinstance(data.get("ployd"), dict):
        raise BundleError("the bundle has no data.json of ours", remedy="`ployd-policy bundle` writes one.")
    data["ployd"].pop("bundle", None)
    named = [(_home(path, text), text) for path, text in modules]
    return [(path, text) for path, text in named if path != _ENTRYPOINT], data


def _home(path: str, text: str) -> str:
    """The path a module of ours has in a checkout, by its package; the archive's own for everybody else's."""
    package = parse_module(path, text).module.package
    if package[0] != "ployd":
        return path
    return f"policies/{'/'.join((*package, package[-1]))}.rego"


def bundle_data(bundle: PolicyBundle) -> dict[str, Any]:
    """The `data` document with `data.ployd.bundle.digest`, by which a server's bundle is recognised."""
    return {**bundle.data, "ployd": {**bundle.data.get("ployd", {}), "bundle": {"digest": bundle.digest}}}


def _files(bundle: PolicyBundle) -> Iterator[tuple[str, bytes]]:
    # Names of our own making: what files are called elsewhere may not fit into an archive.
    named = [(_name(number, module), module) for number, module in enumerate((*bundle.modules, bundle.entrypoint))]
    roots = {module.package[0] for _, module in named} | set(bundle.data) | {"ployd"}
    manifest = {
        "revision": bundle.digest,
        "roots": sorted(roots),
        "rego_version": 1,
        "file_rego_versions": {name: 0 for name, module in named if module.dialect is Dialect.V0},
    }
    yield "/.manifest", _json(manifest)
    yield "/data.json", _json(bundle_data(bundle))
    for name, module in named:
        yield name, module.text.encode()


def _name(number: int, module: PolicyModule) -> str:
    stem = module.path.rsplit("/", 1)[-1].removesuffix(".rego")
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in stem)
    # OPA compares versions by names that begin with a slash, as those of its own archives do.
    return f"/policies/{number:04}-{plain[:40]}.rego"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()
