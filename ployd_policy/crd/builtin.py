"""Schemas of the kinds Kubernetes itself has, from the JSON schemas that the package `kubernetes-validate` carries.

The one module here that reads a file: package data, through the import system's loader, once per process. A kind is
translated when its first object comes. These schemas are what the API server publishes: they know fields and types, but
no defaults and few bounds, so an accepted object may still be refused by Kubernetes' own code.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Collection, Mapping
from typing import Any

from ployd_policy.crd.objectmeta import Naming
from ployd_policy.crd.schema import Schema
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.resource import GroupVersionKind

DEFAULT_VERSION = "1.36"
QUANTITY = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
_REFERENCE = "#/$defs/"
_ANYTHING = Schema(preserve=True)
_INT_OR_STRING = Schema(int_or_string=True)
_AMOUNT = Schema(preserve=True, pattern=QUANTITY, any_of=(Schema(type="string"), Schema(type="number")))
LEGACY_GROUPS = frozenset({"extensions"})
"""Groups that Kubernetes once had and serves no more."""
UNPUBLISHED = frozenset(
    GroupVersionKind("", "v1", f"{kind}Options")
    for kind in ("NodeProxy", "PodAttach", "PodExec", "PodLog", "PodPortForward", "PodProxy", "ServiceProxy")
)
"""Kinds that reach webhooks, when somebody opens a shell in a pod for instance, and have no published schema."""
_SUBDOMAINS: Mapping[str, frozenset[str]] = {
    "": frozenset({
        "ConfigMap", "Endpoints", "LimitRange", "Node", "PersistentVolume", "PersistentVolumeClaim", "Pod",
        "PodTemplate", "ReplicationController", "ResourceQuota", "Secret", "ServiceAccount",
    }),
    "admissionregistration.k8s.io": frozenset({
        "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }),
    "apps": frozenset({"ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"}),
    "autoscaling": frozenset({"HorizontalPodAutoscaler"}),
    "batch": frozenset({"CronJob", "Job"}),
    "coordination.k8s.io": frozenset({"Lease"}),
    "discovery.k8s.io": frozenset({"EndpointSlice"}),
    "networking.k8s.io": frozenset({"Ingress", "IngressClass", "NetworkPolicy"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"StorageClass", "VolumeAttachment"}),
}  # fmt: skip
_LABELS = frozenset({"Namespace", "Service"})


class BuiltIn:
    """The kinds of one Kubernetes version."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._names: dict[GroupVersionKind, str] = {}
        self._schemas: dict[str, Schema] = {}
        self._open: list[str] = []
        for name, definition in definitions.items():
            stated: list[dict[str, str]] = definition.get("x-kubernetes-group-version-kind") or []
            if len(stated) == 1 and "metadata" in definition.get("properties", {}):
                gvk = GroupVersionKind(stated[0]["group"], stated[0]["version"], stated[0]["kind"])
                self._names[gvk] = name

    def schema(self, gvk: GroupVersionKind) -> Schema | None:
        """The schema of a kind; None where Kubernetes has none such."""
        name = self._names.get(gvk)
        return None if name is None else self._named(name)

    @property
    def kinds(self) -> Collection[GroupVersionKind]:
        """Every version of every kind."""
        return self._names.keys()

    @functools.cached_property
    def groups(self) -> frozenset[str]:
        """The groups of all kinds. They are Kubernetes' own: what is not among `kinds` does not exist in them."""
        return frozenset(gvk.group for gvk in self._names)

    def versions(self, group: str, kind: str) -> tuple[str, ...]:
        """The apiVersions of a kind in this group, or in any other where the group is no more; the newest last."""
        here = [gvk for gvk in self._names if gvk.kind == kind and gvk.group == group]
        if not here and group in LEGACY_GROUPS:
            here = [gvk for gvk in self._names if gvk.kind == kind]
        return tuple(gvk.api_version for gvk in sorted(here))

    def _named(self, name: str) -> Schema:
        if name in self._schemas:
            return self._schemas[name]
        if name in self._open:
            # The schema of schemas holds itself. What is inside of one is checked when a definition is read.
            return _ANYTHING
        self._open.append(name)
        schema = self._translate(self._definitions[name])
        self._open.pop()
        self._schemas[name] = schema
        return schema

    def _translate(self, raw: Mapping[str, Any]) -> Schema:
        reference = raw.get("$ref")
        if isinstance(reference, str):
            return self._named(reference.rpartition(_REFERENCE)[2])
        kinds = _kinds(raw)
        if "oneOf" in raw:
            alternatives = {kind for each in raw["oneOf"] for kind in _kinds(each)}
            return _INT_OR_STRING if alternatives == {"string", "integer"} else _AMOUNT
        if len(kinds) != 1:
            return _ANYTHING
        properties, others = raw.get("properties"), raw.get("additionalProperties")
        closed = properties is not None or others is not None
        return Schema(
            type=kinds[0],
            format=raw.get("format", ""),
            required=tuple(raw.get("required", ())),
            enum=tuple(raw.get("enum", ())),
            properties={key: self._translate(member) for key, member in (properties or {}).items()},
            additional=self._translate(others) if isinstance(others, Mapping) else None,
            items=self._translate(raw["items"]) if isinstance(raw.get("items"), Mapping) else None,
            preserve=None if kinds[0] != "object" or closed else True,
        )


def _kinds(raw: Mapping[str, Any]) -> list[str]:
    """The JSON types but null: a null is as good as an absent field."""
    stated = raw.get("type", ())
    return [kind for kind in ([stated] if isinstance(stated, str) else stated) if kind != "null"]


def naming(gvk: GroupVersionKind) -> Naming:
    """What Kubernetes' own code wants of the names of a kind; where that is not certain, the least it could be.

    A Service may begin with a digit since Kubernetes 1.36 (KEP-5311).
    """
    if gvk.group == "" and gvk.kind in _LABELS:
        return Naming.LABEL
    return Naming.SUBDOMAIN if gvk.kind in _SUBDOMAINS.get(gvk.group, ()) else Naming.SEGMENT


@functools.cache
def built_in(version: str) -> BuiltIn:
    """The kinds of a Kubernetes version such as `1.36`.

    Raises:
        SchemaLoadError: the package has no schemas for it.
    """
    return BuiltIn(json.loads(_data(version, "_definitions.json"))["$defs"])


def require(version: str) -> None:
    """Do nothing, quickly, where there are schemas for a Kubernetes version.

    Raises:
        SchemaLoadError: the package has none.
    """
    _data(version, "namespace-v1.json")


def _data(version: str, file: str) -> bytes:
    # The package itself is not imported: it would bring a second YAML reader and JSON Schema along.
    spec = importlib.util.find_spec("kubernetes_validate")
    places = (spec.submodule_search_locations or []) if spec is not None else []
    loader: Any = getattr(spec, "loader", None)
    for place in places:
        try:
            data: bytes = loader.get_data(f"{place}/kubernetes-json-schema/v{version}.0-local-strict/{file}")
        except (AttributeError, OSError):
            continue
        return data
    raise SchemaLoadError(
        f"no schemas of Kubernetes {version} are known",
        remedy="Use a version that the installed kubernetes-validate carries, such as 1.36.",
    )
