"""Every schema that is known, and the one entrance of this room: `SchemaSet.validate`.

It answers as the API server does with strict field validation: prune, null pruning, defaults, schema, embedded
metadata, lists, CEL. It reads no files; built-in kinds come with the package `kubernetes-validate`, read by `builtin`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import rfc8785

from ployd_policy.crd import builtin
from ployd_policy.crd.builtin import DEFAULT_VERSION, BuiltIn
from ployd_policy.crd.definition import Definition, DefinitionError, ServedKind, read_definition
from ployd_policy.crd.judgement import Judgement
from ployd_policy.crd.kinds import unknown_kind
from ployd_policy.crd.problem import SchemaViolation
from ployd_policy.crd.shape import plain
from ployd_policy.crd.verdict import SchemaVerdict
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, Resource

_PLACE = re.compile(r"([A-Za-z$][A-Za-z0-9$-]*)|\[([^\]]*)\]")


class SchemaSet:
    """Schemas by kind. Immutable once loaded; schemas are compiled when the first object of their kind comes."""

    def __init__(
        self,
        definitions: Mapping[tuple[str, str], Definition],
        *,
        kubernetes: str | None,
        closed: frozenset[str],
        digest: str,
    ) -> None:
        self._definitions = definitions
        self._closed = closed
        self._kubernetes = kubernetes
        self._served = {served.gvk: served for definition in definitions.values() for served in definition.served}
        self.digest = digest
        """`sha256:` over the definitions, whatever their order and formatting, and the closed groups."""

    @classmethod
    def load(
        cls,
        crds: Iterable[tuple[str, JsonObject]],
        *,
        built_in: bool = True,
        kubernetes: str = DEFAULT_VERSION,
        closed: frozenset[str] = frozenset(),
    ) -> SchemaSet:
        """Schemas from decoded CustomResourceDefinitions (apiextensions.k8s.io/v1), each with the name of its file.

        `built_in`: the kinds of Kubernetes itself too, in the version `kubernetes`; a kind that is defined here wins.
        `closed`: groups of which every kind is defined here, so that any other is a mistake. Kubernetes' own groups are
        closed with `built_in`.

        Raises:
            SchemaLoadError: one of them is broken, not structural, or defines a kind that another one defines; or there
                are no schemas of that Kubernetes version.
        """
        if built_in:
            builtin.require(kubernetes)
        definitions: dict[tuple[str, str], Definition] = {}
        origin: dict[tuple[str, str], str] = {}
        canonical = []
        for file, document in crds:
            definition = read_definition(file, document)
            key = definition.group, definition.kind
            if key in origin:
                raise SchemaLoadError(
                    f"{file}: {definition.kind} of {definition.group} is already defined in {origin[key]}",
                    remedy="Keep one definition of each kind.",
                )
            definitions[key], origin[key] = definition, file
            canonical.append(rfc8785.dumps(plain(document["spec"])))
        known = kubernetes if built_in else ""
        head = " ".join([known, *sorted(closed)]).encode()
        digest = hashlib.sha256(b"\n".join([head, *sorted(canonical)])).hexdigest()
        return cls(definitions, kubernetes=known or None, closed=closed, digest=f"sha256:{digest}")

    def kinds(self) -> tuple[GroupVersionKind, ...]:
        """Every served version of every kind that was defined, sorted; built-in kinds are not listed."""
        return tuple(sorted(self._served))

    def scaled(self, group: str, version: str, plural: str) -> tuple[GroupVersionKind, tuple[str, ...]] | None:
        """The kind behind a `scale` subresource and the keys of the replicas it writes; None where we know none."""
        for definition in self._definitions.values():
            if (definition.group, definition.plural) == (group, plural):
                for served in definition.served:
                    if served.gvk.version == version and served.scale is not None:
                        return served.gvk, served.scale.replicas
        return None

    def validate(self, resource: Resource, *, old_object: JsonObject | None = None) -> SchemaVerdict:
        """What the API server would say to the creation of this object. Total: any JSON object gets a verdict.

        With `old_object`, what it would say to the update of that stored object by this one: its transition rules, and
        what it tolerates because it was so before (ratcheting). The old object may come as it was read from the API
        server; it is pruned and defaulted as reading does. It is an update of the object itself: its status is kept
        where the status subresource is on. The metadata of the verdict's object is what would be stored; what only the
        API server can know about it is not checked: the resourceVersion and the owners of managedFields. Kinds of
        Kubernetes itself do not ratchet, and a CustomResourceDefinition is judged as if it were new.
        """
        gvk = resource.ref.gvk
        served = self._served.get(gvk) or self._built_in(gvk)
        if served is None:
            return self._unknown(resource)
        verdict = Judgement(served).judge(resource.object, old_object)
        if gvk.kind == "CustomResourceDefinition" and gvk.group == "apiextensions.k8s.io" and not verdict.violations:
            return replace(verdict, violations=_definition_violations(verdict.object))
        return verdict

    def _built_in(self, gvk: GroupVersionKind) -> ServedKind | None:
        if self._kubernetes is None or (gvk.group, gvk.kind) in self._definitions:
            return None
        schema = builtin.built_in(self._kubernetes).schema(gvk)
        if schema is None:
            return None
        served = ServedKind(gvk=gvk, schema=schema, namespaced=None, naming=builtin.naming(gvk), custom=False)
        self._served[gvk] = served
        return served

    def _unknown(self, resource: Resource) -> SchemaVerdict:
        gvk = resource.ref.gvk
        own = builtin.built_in(self._kubernetes) if self._kubernetes else None
        definition = self._definitions.get((gvk.group, gvk.kind))
        unserved = definition is not None and gvk.version in definition.unserved
        if definition is not None:
            versions = [served.gvk.api_version for served in definition.served]
        else:
            versions = list(own.versions(gvk.group, gvk.kind)) if own else []
            if not versions:
                return self._no_kind(resource, own)
        state = "it exists but is not served" if unserved else "it does not exist"
        message = f'no matches for kind "{gvk.kind}" in version "{gvk.api_version}": {state}'
        remedy = f"Use apiVersion {' or '.join(versions)}." if versions else "No version of this kind is served."
        violation = SchemaViolation(rule="schema.version_unknown", path=("apiVersion",), message=message, remedy=remedy)
        return SchemaVerdict(known=False, object=resource.object, violations=(violation,))

    def _no_kind(self, resource: Resource, own: BuiltIn | None) -> SchemaVerdict:
        """A kind of which no version is known: wrong in a closed group, unknown elsewhere."""
        gvk = resource.ref.gvk
        closed = gvk.group in self._closed or (own is not None and gvk.group in own.groups)
        if not closed or gvk in builtin.UNPUBLISHED:
            return SchemaVerdict(known=False, object=resource.object)
        known = {*self._served, *(own.kinds if own else ())}
        violation = unknown_kind(gvk, known, listed=gvk.group in self._closed)
        return SchemaVerdict(known=True, object=resource.object, violations=(violation,))


def _definition_violations(document: JsonObject) -> tuple[SchemaViolation, ...]:
    """What the API server would say about a definition beyond its schema."""
    try:
        read_definition("", document)
    except DefinitionError as problem:
        return tuple(_definition_violation(fault) for fault in problem.faults)
    return ()


def _definition_violation(fault: str) -> SchemaViolation:
    place, _, text = fault.partition(": ")
    path = tuple(int(key) if key.isdigit() else name or key for name, key in _PLACE.findall(place))
    remedy = "Correct the definition at this place."
    return SchemaViolation(rule="schema.definition", path=path, message=text or place, remedy=remedy)
