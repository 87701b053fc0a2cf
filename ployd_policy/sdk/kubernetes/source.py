"""Where the weights come from: what the server is told, what is mounted, how it may read them. No secret is copied."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.model import VLLM, Model

_REPOSITORY = re.compile(r"(?:hf://)?([A-Za-z0-9][\w.-]*/[\w.-]+)")
_VOLUME = "models"
_CREDENTIALS = "credentials"
_CREDENTIALS_FOLDER = "/var/run/credentials"
# Where a client looks for a file with its identity; others take variables only.
_FILES = {"s3": "AWS_SHARED_CREDENTIALS_FILE", "gs": "GOOGLE_APPLICATION_CREDENTIALS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The weights, as a pod reads them."""

    argument: str
    """What the server is told: a repository, an address of an object store, or a folder of the pod."""
    is_downloaded: bool = False
    """Whether the weights land on the pod's disk; from an object store they are streamed."""
    is_outside: bool = False
    """Whether they come over the network."""
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    environment: tuple[dict[str, Any], ...] = ()
    environment_from: tuple[dict[str, Any], ...] = ()


def source_of(model: Model) -> Source:
    """The weights of a model.

    Raises:
        ConfigurationError: nothing here can read them from there, or with the credentials that are named.

    """
    written = str(model.at("model", "path"))
    scheme = written.partition("://")[0] if "://" in written else ""
    place = _place(model, written, scheme)
    if place.is_outside and model.framework != VLLM:
        raise ConfigurationError(
            f"{model.ref}: how {model.framework} is told to read {written} is not known here",
            remedy="Use a volume (pvc://), an image (oci://) or a folder of the image.",
        )
    return _with_credentials(model, place, scheme)


def _place(model: Model, written: str, scheme: str) -> Source:
    folder = str(model.choice("storage", "models", "path"))
    rest = written.removeprefix(f"{scheme}://")
    stores = model.catalogue.vllm.get("objectStorage", {}).get("schemes", ())
    if scheme in stores:
        return Source(argument=written, is_outside=True)
    if scheme == "pvc":
        claim, _, below = rest.partition("/")
        return _mounted(folder, below, {"persistentVolumeClaim": {"claimName": claim, "readOnly": True}})
    if scheme == "oci":
        return _mounted(folder, "", {"image": {"reference": rest, "pullPolicy": "IfNotPresent"}})
    if not scheme and written.startswith("/"):
        return Source(argument=written)
    repository = _REPOSITORY.fullmatch(written)
    if repository is not None:
        return Source(argument=repository[1], is_downloaded=True, is_outside=True)
    raise ConfigurationError(
        f"{model.ref}: nothing here reads weights from {written}",
        remedy=f"Use owner/name of the hub, one of {', '.join(stores)}, pvc://, oci:// or a folder of the image.",
    )


def _mounted(folder: str, below: str, volume: dict[str, Any]) -> Source:
    return Source(
        argument=f"{folder}/{below}".rstrip("/"),
        volumes=({"name": _VOLUME, **volume},),
        mounts=({"name": _VOLUME, "mountPath": folder, "readOnly": True},),
    )


def _with_credentials(model: Model, place: Source, scheme: str) -> Source:
    """The same, with the Secret by reference: every key as a variable, or one key as the token or file of its store."""
    secret, key = (
        model.at("model", "credentials", "secretRef", "name"),
        model.at("model", "credentials", "secretRef", "key"),
    )
    if secret is None:
        return place
    if key is None:
        return _extended(place, environment_from=({"secretRef": {"name": secret}},))
    if scheme in _FILES:
        volume = {"name": _CREDENTIALS, "secret": {"secretName": secret, "items": [{"key": key, "path": "file"}]}}
        return _extended(
            place,
            volumes=(volume,),
            mounts=({"name": _CREDENTIALS, "mountPath": _CREDENTIALS_FOLDER, "readOnly": True},),
            environment=({"name": _FILES[scheme], "value": f"{_CREDENTIALS_FOLDER}/file"},),
        )
    if place.is_outside and not place.is_downloaded:
        raise ConfigurationError(
            f"{model.ref}: one key of a Secret is not enough to read from {scheme}://",
            remedy="Leave credentials.secretRef.key out: every key of the Secret becomes a variable.",
        )
    # Weights that are mounted need nothing; a tokenizer may still come from the hub.
    token = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    return _extended(place, environment=(token,))


def _extended(
    place: Source,
    *,
    volumes: tuple[dict[str, Any], ...] = (),
    mounts: tuple[dict[str, Any], ...] = (),
    environment: tuple[dict[str, Any], ...] = (),
    environment_from: tuple[dict[str, Any], ...] = (),
) -> Source:
    return Source(
        argument=place.argument,
        is_downloaded=place.is_downloaded,
        is_outside=place.is_outside,
        volumes=(*place.volumes, *volumes),
        mounts=(*place.mounts, *mounts),
        environment=(*place.environment, *environment),
        environment_from=(*place.environment_from, *environment_from),
    )
