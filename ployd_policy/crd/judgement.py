"""One object on its way through one schema, in the API server's order: shape, metadata, schema, lists, CEL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.crd import problems
from ployd_policy.crd.check import run
from ployd_policy.crd.definition import ServedKind
from ployd_policy.crd.expressions.validate import RuleRun
from ployd_policy.crd.gotext import shown
from ployd_policy.crd.objectmeta import MetadataReader, Naming, check_metadata
from ployd_policy.crd.problem import BLOCKING, Cause, Problem, SchemaViolation
from ployd_policy.crd.shape import Shaper, fill
from ployd_policy.crd.spine import check_spine
from ployd_policy.crd.suggest import remedy_for_unknown
from ployd_policy.crd.verdict import SchemaVerdict
from ployd_policy.model.location import FieldPath, format_path
from ployd_policy.model.resource import JsonObject

LARGEST_REPLICAS = 2**31 - 1
GO_TYPES: dict[type, str] = {
    str: "string",
    bool: "bool",
    float: "float64",
    list: "[]interface {}",
    dict: "map[string]interface {}",
}
NOT_CHECKED = "CEL rules were not checked because the object was invalid; correct the other errors first"

_MOST_REMEDIES = 200


class Judgement:
    """Judges one object, once."""

    def __init__(self, served: ServedKind) -> None:
        self._served = served
        self._reader = MetadataReader()
        self._found: list[Problem] = []

    def judge(self, raw: JsonObject) -> SchemaVerdict:
        """The verdict; total, whatever JSON the object holds."""
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
        # Where metadata could not be read, a name that is missing now was perhaps there.
        naming = Naming.OPTIONAL if reader.problems else served.naming
        self._found.extend(check_metadata(meta, ("metadata",), naming=naming))
        return value

    def _remedy(self, path: FieldPath) -> str:
        # Looking for what was meant takes a tenth of a millisecond, and a hostile object has thousands of such fields.
        return remedy_for_unknown(self._served.schema, path) if len(self._found) < _MOST_REMEDIES else ""

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
