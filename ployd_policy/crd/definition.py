"""A CustomResourceDefinition as the API server would serve it.

Its versions, compiled. Knows nothing of objects or of other definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ployd_policy.crd.check import Node, compile_check
from ployd_policy.crd.defaults import check_defaults
from ployd_policy.crd.expressions.nodes import RuleNode, compile_rules
from ployd_policy.crd.names import dns_1035_label, dns_subdomain
from ployd_policy.crd.objectmeta import Naming
from ployd_policy.crd.ratchet import RatchetNode
from ployd_policy.crd.scale import Scale
from ployd_policy.crd.schema import Schema, SchemaReader
from ployd_policy.crd.shape import Shape, compile_shape
from ployd_policy.crd.spine import Spine, compile_spine
from ployd_policy.crd.structure import check_structure
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.resource import GroupVersionKind, JsonObject

MANY = 8
"""As many faults of one definition as one error tells."""


@dataclass(frozen=True, kw_only=True)
class ServedKind:
    """One served version of a kind, with its schema compiled on first use."""

    gvk: GroupVersionKind
    schema: Schema
    namespaced: bool | None
    """None: not known here, so a namespace may stand there or not."""
    naming: Naming = Naming.SUBDOMAIN
    has_status: bool = False
    """The status subresource is on: what is written under `status` on creation is dropped."""
    scale: Scale | None = None
    """None: no such subresource."""
    custom: bool = True
    """Defined by a CustomResourceDefinition. False: Kubernetes' own kind, whose updates do not ratchet."""

    @cached_property
    def shape(self) -> Shape:
        """What to prune and default."""
        return compile_shape(self.schema)

    @cached_property
    def node(self) -> Node:
        """What to validate."""
        return compile_check(self.schema)

    @cached_property
    def ratchet(self) -> RatchetNode:
        """What to validate of an update."""
        return RatchetNode(self.schema)

    @cached_property
    def rules(self) -> RuleNode | None:
        """CEL rules; None where there are none."""
        return compile_rules(self.schema, root=True)

    @cached_property
    def spine(self) -> Spine | None:
        """Lists and embedded resources; None where there are none."""
        return compile_spine(self.schema)


class DefinitionError(SchemaLoadError):
    """A definition that the API server would not take."""

    def __init__(self, file: str, faults: tuple[str, ...]) -> None:
        told = "\n".join(f"  {fault}" for fault in faults[:MANY])
        more = f"\n  and {len(faults) - MANY} more" if len(faults) > MANY else ""
        super().__init__(
            f"{file}: the API server would not take this CustomResourceDefinition:\n{told}{more}",
            remedy="Correct the definition, or leave the file out of the schema folder.",
        )
        self.faults = faults
        """Each begins with its place in the document."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """All versions of one custom resource."""

    group: str
    kind: str
    plural: str
    """The resource's name in paths and in requests."""
    served: tuple[ServedKind, ...]
    unserved: tuple[str, ...]
    """Versions the API server refuses."""


def read_definition(file: str, document: JsonObject) -> Definition:
    """A definition from its decoded document.

    Raises:
        DefinitionError: the API server would not take it; names the file and the place in the document.
    """
    faults = _Faults(file)
    if document.get("apiVersion") != "apiextensions.k8s.io/v1" or document.get("kind") != "CustomResourceDefinition":
        faults.stop("this is no CustomResourceDefinition of apiextensions.k8s.io/v1")
    spec = faults.mapping(document, "spec")
    names = faults.mapping(spec, "names", "spec.")
    group, kind, plural = (
        faults.text(spec, "group", "spec."),
        faults.text(names, "kind", "spec.names."),
        faults.text(names, "plural", "spec.names."),
    )
    scope = faults.text(spec, "scope", "spec.")
    name = faults.text(faults.mapping(document, "metadata"), "name", "metadata.")
    _check_names(faults, group=group, kind=kind, plural=plural, scope=scope, name=name)
    if spec.get("preserveUnknownFields"):
        faults.add("spec.preserveUnknownFields: cannot be true in apiextensions.k8s.io/v1")
    versions = spec.get("versions")
    if not isinstance(versions, list) or not versions:
        faults.stop("spec.versions: must name at least one version")
        versions = []
    served, unserved, names_seen, stored = [], [], set(), 0
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}]"
        if not isinstance(version, Mapping):
            faults.add(f"{where}: must be an object")
            continue
        one = _version(faults, version, where, gvk=(group, kind), namespaced=scope == "Namespaced")
        stored += version.get("storage") is True
        if one.gvk.version in names_seen:
            faults.add("spec.versions: must contain unique version names")
        names_seen.add(one.gvk.version)
        if version.get("served") is True:
            served.append(one)
        else:
            unserved.append(one.gvk.version)
    if stored != 1:
        faults.add("spec.versions: must have exactly one version marked as storage version")
    faults.raise_if_any()
    return Definition(group=group, kind=kind, plural=plural, served=tuple(served), unserved=tuple(unserved))


def _check_names(faults: _Faults, *, group: str, kind: str, plural: str, scope: str, name: str) -> None:
    if group and (dns_subdomain(group) or "." not in group):
        faults.add(f'spec.group: "{group}" should be a domain with at least one dot')
    if scope and scope not in ("Cluster", "Namespaced"):
        faults.add(f'spec.scope: Unsupported value: "{scope}": supported values: "Cluster", "Namespaced"')
    if kind and dns_1035_label(kind.lower()):
        faults.add(f'spec.names.kind: "{kind}" is no name of a kind')
    if plural and dns_1035_label(plural):
        faults.add(f'spec.names.plural: "{plural}" must be a lower case name')
    if group and plural and name and name != f"{plural}.{group}":
        faults.add(f'metadata.name: must be spec.names.plural+"."+spec.group, "{plural}.{group}", not "{name}"')


def _version(
    faults: _Faults, version: Mapping[str, Any], where: str, *, gvk: tuple[str, str], namespaced: bool
) -> ServedKind:
    name = faults.text(version, "name", f"{where}.")
    if name and dns_1035_label(name):
        faults.add(f'{where}.name: "{name}" is no version name')
    place = f"{where}.schema.openAPIV3Schema"
    raw = (
        (version.get("schema") or {}).get("openAPIV3Schema")
        if isinstance(version.get("schema") or {}, Mapping)
        else None
    )
    schema = Schema()
    if not isinstance(raw, Mapping):
        faults.add(f"{place}: Required value")
    else:
        reader = SchemaReader()
        schema = reader.read(raw, place)
        faults.extend(reader.problems or list(check_structure(schema, place)) or list(check_defaults(schema, place)))
    subresources = version.get("subresources")
    subresources = subresources if isinstance(subresources, Mapping) else {}
    has_status = subresources.get("status") is not None
    if has_status and isinstance(raw, Mapping):
        forbidden = [
            keyword
            for keyword in ("allOf", "anyOf", "oneOf", "not", "enum", "minProperties", "maxProperties", "default")
            if raw.get(keyword)
        ]
        if forbidden:
            faults.add(
                f"{place}: {', '.join(forbidden)} cannot stand at the root of the schema if the status subresource "
                f"is enabled"
            )
    return ServedKind(
        gvk=GroupVersionKind(gvk[0], name, gvk[1]),
        schema=schema,
        namespaced=namespaced,
        has_status=has_status,
        scale=_scale(faults, subresources.get("scale"), f"{where}.subresources.scale"),
    )


def _scale(faults: _Faults, scale: Any, where: str) -> Scale | None:
    if scale is None:
        return None
    paths = []
    for field, parents in (
        ("specReplicasPath", (".spec.",)),
        ("statusReplicasPath", (".status.",)),
        ("labelSelectorPath", (".spec.", ".status.")),
    ):
        path = scale.get(field) if isinstance(scale, Mapping) else None
        if field == "labelSelectorPath" and path in (None, ""):
            path = "."
        elif not isinstance(path, str) or not path.startswith(parents):
            faults.add(f"{where}.{field}: should be a json path under {' or '.join(each[:-1] for each in parents)}")
            path = "."
        paths.append(tuple(key for key in path[1:].split(".") if key))
    return Scale(replicas=paths[0], running=paths[1], selector=paths[2])


class _Faults:
    """Gathers what is wrong with one document, so that its author sees everything at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[str] = []

    def add(self, fault: str) -> None:
        self._found.append(fault)

    def extend(self, faults: list[str]) -> None:
        self._found.extend(faults)

    def stop(self, fault: str) -> None:
        self.add(fault)
        self.raise_if_any()

    def mapping(self, owner: Mapping[str, Any], key: str, where: str = "") -> Mapping[str, Any]:
        value = owner.get(key)
        if isinstance(value, Mapping):
            return value
        self.stop(f"{where}{key}: must be an object")
        return {}

    def text(self, owner: Mapping[str, Any], key: str, where: str) -> str:
        value = owner.get(key)
        if isinstance(value, str) and value:
            return value
        self.add(f"{where}{key}: Required value")
        return ""

    def raise_if_any(self) -> None:
        if self._found:
            raise DefinitionError(self._file, tuple(self._found))
