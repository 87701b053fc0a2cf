"""`Engine.decide`: schema, then rules, then the receipt. Pure and synchronous; it returns values and prints nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ployd_policy.admission_review import encode_request
from ployd_policy.capacity import Catalogue
from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.engine.findings import UNKNOWN_FIELD, policy_finding, schema_findings
from ployd_policy.engine.inventory import Inventory
from ployd_policy.engine.receipt import receipt
from ployd_policy.engine.selection import Selection
from ployd_policy.environment import EnvironmentMap
from ployd_policy.model.admission import AdmissionRequest, Operation
from ployd_policy.model.decision import Decision, outcome_of
from ployd_policy.model.finding import Finding, RuleInfo, Scope, Severity
from ployd_policy.model.resource import JsonObject, Resource
from ployd_policy.ports import RuleEvaluator
from ployd_policy.rego import Head, Row, read_report
from ployd_policy.serving import facts_for


class Door(StrEnum):
    """Where the question comes from. It decides one thing only: how much an inventory rule's denial weighs."""

    REPOSITORY = "repository"
    ADMISSION = "admission"
    RECONCILER = "reconciler"
    AUDIT = "audit"


# At admission the other objects may simply not be there yet: a route may be applied before its model.
_INVENTORY_DENIAL = {
    Door.REPOSITORY: Severity.ERROR,
    Door.ADMISSION: Severity.WARNING,
    Door.RECONCILER: Severity.ERROR,
    Door.AUDIT: Severity.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Everything a decision is a function of, besides the object."""

    schemas: SchemaSet
    rules: Mapping[str, RuleInfo]
    """The bundle's rules, by id."""
    evaluator: RuleEvaluator
    environments: EnvironmentMap
    catalogue: Catalogue
    """GPUs, models and vLLM versions, from the bundle's data."""
    digest: str
    """Of policies, data, schemas and selection."""
    door: Door
    selection: Selection = field(default_factory=Selection)
    _tables: dict[tuple[str | None, str, bool], tuple[RuleInfo, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Which rules run, by environment, kind and whether there is an inventory; remembered, since objects are many."""

    def decide(
        self, request: AdmissionRequest, inventory: Inventory | None = None, place: int | None = None
    ) -> Decision:
        """Judge one request.

        Args:
            request: what shall happen to which object.
            inventory: the other objects; None: inventory rules do not run.
            place: the id of this object in `inventory`.

        Raises:
            EvaluationError: the rules gave no usable answer. Never an allow instead.

        """
        if request.object is None or request.operation is Operation.DELETE:
            return self._decision(request, request.old_object or {}, inventory)
        verdict = self._validate(request, request.object)
        findings = tuple(schema_findings(request, verdict))
        if _blocks(verdict):
            return self._decision(
                request,
                verdict.object,
                inventory,
                findings=findings,
                undecided=(*verdict.undecided, "policy rules wait until the schema accepts the object"),
            )
        enabled = self._enabled(request, has_inventory=inventory is not None)
        findings += self._found(request, verdict.object, enabled, inventory, place)
        return self._decision(
            request,
            verdict.object,
            inventory,
            findings=findings,
            evaluated=tuple(rule.id for rule in enabled),
            undecided=verdict.undecided,
            has_schema=verdict.known,
        )

    def findings_of(
        self, request: AdmissionRequest, rules: Collection[str], inventory: Inventory | None, place: int | None
    ) -> tuple[Finding, ...]:
        """What some policy rules find, by their ids: a part of the decision's findings, for a part of its price.

        Raises:
            EvaluationError: the rules gave no usable answer.

        """
        verdict = self._validate(request, request.object or {})
        if _blocks(verdict):
            return ()
        enabled = self._enabled(request, has_inventory=inventory is not None)
        asked = tuple(rule for rule in enabled if rule.id in rules)
        return self._found(request, verdict.object, asked, inventory, place)

    def asks_inventory(self, request: AdmissionRequest) -> bool:
        """Whether a rule would look at the other objects, if they were known."""
        return any(rule.scope is Scope.INVENTORY for rule in self._enabled(request, has_inventory=True))

    def _validate(self, request: AdmissionRequest, value: JsonObject) -> SchemaVerdict:
        # Of an update the API server excuses what was wrong before and stays as it was.
        old = request.old_object if request.operation is Operation.UPDATE else None
        return self.schemas.validate(Resource(ref=request.ref, object=value), old_object=old)

    def _enabled(self, request: AdmissionRequest, *, has_inventory: bool) -> tuple[RuleInfo, ...]:
        """The rules that run on objects of this kind in this environment, in the bundle's order."""
        kind = request.ref.gvk.kind
        key = (request.environment, kind, has_inventory)
        if key not in self._tables:
            demands = self.environments.demands(request.environment)
            self._tables[key] = tuple(
                rule
                for rule in self.rules.values()
                if demands.asks_for(rule)
                and self.selection.includes(rule.id)
                and (not rule.kinds or kind in rule.kinds)
                and (rule.scope is not Scope.INVENTORY or has_inventory)
            )
        return self._tables[key]

    def _found(
        self,
        request: AdmissionRequest,
        judged: JsonObject,
        asked: tuple[RuleInfo, ...],
        inventory: Inventory | None,
        place: int | None,
    ) -> tuple[Finding, ...]:
        if not asked:
            return ()
        rows = self._rows(request, judged, asked, inventory, place)
        return tuple(
            policy_finding(request, rule, row, self._severity(rule, row), inventory)
            for rule in asked
            for row in rows.get(rule.id, ())
        )

    def _rows(
        self,
        request: AdmissionRequest,
        judged: JsonObject,
        enabled: tuple[RuleInfo, ...],
        inventory: Inventory | None,
        place: int | None,
    ) -> Mapping[str, tuple[Row, ...]]:
        demands = self.environments.demands(request.environment)
        ployd: dict[str, Any] = {
            "environment": demands.environment,
            "level": demands.level.value,
            "parameters": demands.parameters,
            "capacity": facts_for(judged, self.catalogue),
        }
        if inventory is not None and place is not None:
            item = inventory.objects[place]
            ployd["self"] = {"environment": item.environment or "", "cluster": item.cluster, "id": place}
        document = {"request": encode_request(request, judged), "ployd": ployd}
        shared = inventory.shared if inventory is not None else None
        asked = tuple(rule.id for rule in enabled)
        report = self.evaluator.evaluate(document, shared, asked)
        return read_report({rule: report[rule] for rule in asked})

    def _severity(self, rule: RuleInfo, row: Row) -> Severity:
        if row.head is not Head.DENY:
            return Severity.WARNING
        return _INVENTORY_DENIAL[self.door] if rule.scope is Scope.INVENTORY else Severity.ERROR

    def _decision(
        self,
        request: AdmissionRequest,
        judged: JsonObject,
        inventory: Inventory | None,
        *,
        findings: tuple[Finding, ...] = (),
        evaluated: tuple[str, ...] = (),
        undecided: tuple[str, ...] = (),
        has_schema: bool = True,
    ) -> Decision:
        return Decision(
            resource=Resource(ref=request.ref, object=request.object or {}),
            outcome=outcome_of(findings),
            findings=findings,
            evaluated=evaluated,
            undecided=undecided,
            has_schema=has_schema,
            receipt=receipt(
                judged,
                environment=request.environment,
                bundle=self.digest,
                inventory=inventory.shared.digest if inventory is not None else "",
            ),
        )


def _blocks(verdict: SchemaVerdict) -> bool:
    """Whether the object has a shape no rule should see; an unknown field alone is pruned and does not."""
    return any(violation.rule != UNKNOWN_FIELD for violation in verdict.violations)
