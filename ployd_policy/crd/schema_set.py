"""Every schema that is known, and the one entrance of this room: `SchemaSet.validate`.

It answers as the API server does with strict field validation: prune, null pruning, defaults, schema, embedded
metadata, lists, CEL. It reads no files; built-in kinds come with the package `kubernetes-validate`, read by `builtin`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import rfc8785

from ployd_policy.crd import builtin, problems
from ployd_policy.crd.builtin import DEFAULT_VERSION
from ployd_policy.crd.check import run
from ployd_policy.crd.definition import Definition, DefinitionError, ServedKind, read_definition
from ployd_policy.crd.expressions.validate import RuleRun
from ployd_policy.crd.gotext import shown
from ployd_policy.crd.objectmeta import MetadataReader, Naming, check_metadata
from ployd_policy.crd.problem import BLOCKING, Cause, Problem, SchemaViolation
from ployd_policy.crd.shape import Shaper, fill, plain
from ployd_policy.crd.spine import check_spine
from ployd_policy.crd.suggest import remedy_for_unknown
from ployd_policy.crd.verdict import SchemaVerdict
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.location import FieldPath, format_path
from ployd_policy.model.resource import GroupVersionKind, JsonObject, Resource

LARGEST_REPLICAS = 2**31 - 1
GO_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}
NOT_CHECKED = "CEL rules were not checked because the object was invalid; correct the other errors first"


class SchemaSet:
    """Schemas by kind. Immutable once loaded; schemas are compiled when the first object of their kind comes."""

    def __init__(
        self, definitions: Mapping[tuple[str, str], Definition], *, kubernetes: str | None, digest: str
    ) -> None:
        self._definitions = definitions
        self._kubernetes = kubernetes
        self._served = {served.gvk: served for definition in definitions.values() for served in definition.served}
        self.digest = digest
        """`sha256:` over the definitions, whatever their order and formatting."""

    @classmethod
    def load(
        cls,
        crds: Iterable[tuple[str, JsonObject]],
        *,
        built_in: bool = True,
        kubernetes: str = DEFAULT_VERSION,
    ) -> SchemaSet:
        """Schemas from decoded CustomResourceDefinitions (apiextensions.k8s.io/v1), each with the name of its file.

        `built_in`: the kinds of Kubernetes itself too, in the version `kubernetes`; a kind that is defined here wins.

        Raises:
            SchemaLoadError: one of them is broken, not structural, or defines a kind that another one defines.
        """
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
        digest = hashlib.sha256(b"\n".join([known.encode(), *sorted(canonical)])).hexdigest()
        return cls(definitions, kubernetes=known or None, digest=f"sha256:{digest}")

    def kinds(self) -> tuple[GroupVersionKind, ...]:
        """Every served version of every kind that was defined, sorted; built-in kinds are not listed."""
        return tuple(sorted(self._served))

    def validate(self, resource: Resource, *, old_object: JsonObject | None = None) -> SchemaVerdict:
        """What the API server would say to the creation of this object. Total: any JSON object gets a verdict."""
        del old_object
        gvk = resource.ref.gvk
        served = self._served.get(gvk) or self._built_in(gvk)
        if served is None:
            return self._unknown(resource)
        verdict = _Judgement(served).judge(resource.object)
        if gvk.kind == "CustomResourceDefinition" and gvk.group == "apiextensions.k8s.io" and not verdict.violations:
            return replace(verdict, violations=_definition_violations(verdict.object))
        return verdict

    def _built_in(self, gvk: GroupVersionKind) -> ServedKind | None:
        if self._kubernetes is None or (gvk.group, gvk.kind) in self._definitions:
            return None
        schema = builtin.built_in(self._kubernetes).schema(gvk)
        if schema is None:
            return None
        served = ServedKind(gvk=gvk, schema=schema, namespaced=None, naming=Naming.SEGMENT)
        self._served[gvk] = served
        return served

    def _unknown(self, resource: Resource) -> SchemaVerdict:
        gvk = resource.ref.gvk
        definition = self._definitions.get((gvk.group, gvk.kind))
        unserved = definition is not None and gvk.version in definition.unserved
        if definition is not None:
            versions = [served.gvk.api_version for served in definition.served]
        else:
            versions = (
                list(builtin.built_in(self._kubernetes).versions(gvk.group, gvk.kind)) if self._kubernetes else []
            )
            if not versions:
                return SchemaVerdict(known=False, object=resource.object)
        state = "it exists but is not served" if unserved else "it does not exist"
        message = f'no matches for kind "{gvk.kind}" in version "{gvk.api_version}": {state}'
        remedy = f"Use apiVersion {' or '.join(versions)}." if versions else "No version of this kind is served."
        violation = SchemaViolation(rule="schema.version_unknown", path=("apiVersion",), message=message, remedy=remedy)
        return SchemaVerdict(known=False, object=resource.object, violations=(violation,))


_PLACE = re.compile(r"([A-Za-z-]+)|\[([^\]]*)\]")


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


class _Judgement:
    """One object on its way through one schema."""

    def __init__(self, served: ServedKind) -> None:
        self._served = served
        self._reader = MetadataReader()
        self._found: list[Problem] = []

    def judge(self, raw: JsonObject) -> SchemaVerdict:
        try:
            return self._judge(raw)
        except RecursionError:
            problem = Problem(
                "schema.type", Cause.INVALID, (), "the object is nested too deeply to be read", "Flatten the object."
            )
        except ValueError as error:
            problem = Problem(
                "schema.type",
                Cause.INVALID,
                (),
                f"Invalid value: the object holds {error}",
                "Use values that JSON can hold.",
            )
        return SchemaVerdict(known=True, object=raw, violations=(_violation(problem),))

    def _judge(self, raw: JsonObject) -> SchemaVerdict:
        value = self._shape(raw)
        found = self._found
        run(self._served.node, value, (), found)
        if self._served.replicas:
            self._scale(value)
        if self._served.spine is not None:
            found.extend(check_spine(value, self._served.spine))
        undecided = self._rules(value)
        return SchemaVerdict(known=True, object=value, violations=_told(found), undecided=undecided)

    def _rules(self, value: dict[str, Any]) -> tuple[str, ...]:
        """Run the CEL rules, unless an error of a kind that stops the API server from it was found.

        What was not decided.
        """
        rules = self._served.rules
        if rules is None:
            return ()
        if any(problem.cause in BLOCKING for problem in self._found):
            return (NOT_CHECKED,)
        run_of_rules = RuleRun()
        run_of_rules.run(value, rules)
        self._found.extend(run_of_rules.problems)
        return tuple(run_of_rules.undecided)

    def _shape(self, raw: JsonObject) -> dict[str, Any]:
        """The object as it would be stored; what does not survive that is noted."""
        served, reader = self._served, self._reader
        shaper = Shaper(reader.read)
        rest = {key: member for key, member in raw.items() if key not in ("apiVersion", "kind", "metadata")}
        body = shaper.shape(rest, served.shape)
        value: dict[str, Any] = {"apiVersion": served.gvk.api_version, "kind": served.gvk.kind}
        if "metadata" in raw:
            stored = reader.read(raw["metadata"], ("metadata",))
            child = served.shape.props.get("metadata")
            value["metadata"] = stored if child is None else fill(stored, child)
        for key, member in body.items():
            value.setdefault(key, member)
        if served.has_status:
            value.pop("status", None)
        self._found.extend(reader.problems)
        for path in (*reader.unknown, *shaper.unknown):
            self._found.append(problems.unknown_field(path, self._remedy(path)))
        meta = value.get("metadata", {})
        if served.namespaced is False:
            # The API server drops the namespace of an object that is in none.
            meta.pop("namespace", None)
        self._found.extend(check_metadata(meta, ("metadata",), naming=served.naming))
        return value

    def _remedy(self, path: FieldPath) -> str:
        return remedy_for_unknown(self._served.schema, path)

    def _scale(self, value: Mapping[str, Any]) -> None:
        """The scale subresource's own rule for the field it reads."""
        wanted: Any = value
        for key in self._served.replicas:
            if not isinstance(wanted, dict) or key not in wanted:
                return
            wanted = wanted[key]
        path: FieldPath = self._served.replicas
        if type(wanted) is not int:
            kind = GO_TYPES.get(type(wanted), "<nil>")
            text = (
                f"Invalid value: 0: .{'.'.join(self._served.replicas)} accessor error: "
                f"{shown(wanted)} is of the type {kind}, expected int64"
            )
        elif wanted < 0:
            text = f"Invalid value: {wanted}: should be a non-negative integer"
        elif wanted > LARGEST_REPLICAS:
            text = f"Invalid value: {wanted}: should be less than or equal to {LARGEST_REPLICAS}"
        else:
            return
        remedy = f"Set {format_path(path)} to a whole number from 0 to {LARGEST_REPLICAS}."
        self._found.append(Problem("schema.scale", Cause.INVALID, path, text, remedy))


def _told(found: list[Problem]) -> tuple[SchemaViolation, ...]:
    """Each problem once, in the order found."""
    return tuple(_violation(problem) for problem in dict.fromkeys(found))


def _violation(problem: Problem) -> SchemaViolation:
    return SchemaViolation(rule=problem.rule, path=problem.path, message=problem.message, remedy=problem.remedy)
