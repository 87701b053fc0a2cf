"""One review, bytes to answer, in a worker. Whatever goes wrong is a refusal: only a decision allows.

No input or output: what the cluster knows is handed in, and what is missing is asked for by raising `WantedError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ployd_policy.admission_review import ReviewError, decode_review
from ployd_policy.engine import Engine, SurroundedEngine, essence, labels_of
from ployd_policy.environment import NAMESPACE_LABEL
from ployd_policy.model.admission import AdmissionRequest, Operation
from ployd_policy.model.decision import Decision
from ployd_policy.model.errors import EvaluationError, PloydPolicyError
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.resource import JsonObject, ObjectRef
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.webhook.answer import Answer, allowed, decided, record_of, refused
from ployd_policy.webhook.ratchet import weigh

_BAD_REQUEST = 400
_SCHEMA = "schema."
# Names that may stand in a path of the API; what the API server lets through is always such.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


Fetched = Mapping[str, JsonObject | None]
"""API path -> the object there; None where there is none."""


class WantedError(Exception):
    """The answer needs an object nobody has handed in. `path` is where the API server keeps it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(slots=True)
class Handler:
    """Answers reviews with one engine. Not for several threads at once."""

    engine: Engine
    _placed: SurroundedEngine = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is known of a cluster yet."""
        self._placed = SurroundedEngine(self.engine)

    def learn(self, surroundings: Surroundings) -> None:
        """Take over what is known of the cluster now."""
        self._placed.learn(surroundings)

    def answer(self, body: bytes, fetched: Fetched | None = None) -> Answer:
        """The answer to a review.

        Raises:
            WantedError: an object is needed that neither the surroundings nor `fetched` has; ask again with it.

        """
        try:
            request = decode_review(body)
        except ReviewError as error:
            if error.uid:
                return refused(error.uid, "malformed", error.message, code=_BAD_REQUEST)
            record = {"verdict": "error", "error": "malformed", "message": error.message}
            return Answer(status=_BAD_REQUEST, body=error.message.encode(errors="replace"), record=record)
        try:
            return self._judge(request, fetched or {})
        except WantedError:
            raise
        except PloydPolicyError as error:
            message = f"{error.message} {error.remedy}".strip()
            return refused(request.uid, "evaluation", message, record_of(request, "error"))
        except Exception as error:  # noqa: BLE001 - what nobody foresaw is refused like the rest
            # Only the type: a message could hold a part of the object.
            return refused(request.uid, "internal", f"{type(error).__name__}", record_of(request, "error"))

    def _judge(self, request: AdmissionRequest, fetched: Fetched) -> Answer:
        if request.operation is Operation.DELETE:
            # What was let in once may always leave.
            return allowed(request, "allow")
        if request.operation is Operation.CONNECT or request.object is None:
            raise EvaluationError("CONNECT has no object to judge; take it out of the webhook's rules")
        if request.sub_resource == "scale":
            request = self._scaled(request, fetched)
        if _is_unchanged(request):
            return allowed(request, "unchanged")
        notes = []
        environment = self._environment(request, fetched)
        request = replace(request, environment=environment)
        if environment is None:
            notes.append(
                f"namespace {request.ref.namespace or '(none)'} has no environment, so the strictest level judged; "
                f"label it {NAMESPACE_LABEL}"
            )
        decision = self._placed.decide(request)
        if self._placed.surroundings.why and self.engine.asks_inventory(request):
            notes.append(f"inventory rules were not asked: {self._placed.surroundings.why}")
        return decided(request, decision, self._denying(request, decision), notes)

    def _denying(self, request: AdmissionRequest, decision: Decision) -> tuple[Finding, ...]:
        """The errors that count against the request."""
        errors = tuple(f for f in decision.findings if f.severity is Severity.ERROR)
        old = request.old_object
        if not errors or old is None or request.object is None or request.operation is not Operation.UPDATE:
            return errors
        if any(finding.rule.startswith(_SCHEMA) for finding in errors):
            # The schema has its own excuses and has made them; and where it speaks, no rule was asked.
            return errors
        # Only the rules that refuse: what others say of the stored object excuses nothing.
        before = self._placed.findings_of(replace(request, object=old), {finding.rule for finding in errors})
        return weigh(errors, request.object, before, old).introduced

    def _environment(self, request: AdmissionRequest, fetched: Fetched) -> str | None:
        ref, known = request.ref, self._placed.surroundings
        labels: Mapping[str, Any] = {}
        if ref.namespace and ref.gvk.kind != "Namespace" and known.cluster:
            if ref.namespace in known.namespaces:
                labels = known.namespaces[ref.namespace]
            else:
                labels = labels_of(_fetch(f"/api/v1/namespaces/{_safe(ref.namespace)}", fetched))
        return self._placed.environment(ref, request.object, labels)

    def _scaled(self, request: AdmissionRequest, fetched: Fetched) -> AdmissionRequest:
        """A write to `scale`, as the update of the parent that it is."""
        target = self.engine.schemas.scaled(*request.resource)
        if target is None:
            return request
        gvk, keys = target
        ref = request.ref
        if not self._placed.surroundings.cluster:
            raise EvaluationError(
                f"a scale of {gvk.kind} {ref.namespace}/{ref.name} is judged with the whole object, and there is no "
                "cluster to get it from"
            )
        group, version, plural = request.resource
        path = f"/apis/{group}/{version}/namespaces/{_safe(ref.namespace)}/{plural}/{_safe(ref.name)}"
        parent = _fetch(path, fetched)
        if parent is None:
            raise EvaluationError(f"{gvk.kind} {ref.namespace}/{ref.name} is scaled, but it does not exist")
        spec = (request.object or {}).get("spec")
        replicas = spec.get("replicas", 0) if isinstance(spec, dict) else None
        return replace(
            request,
            ref=ObjectRef(gvk, ref.namespace, ref.name),
            object=_with(parent, keys, replicas),
            old_object=parent,
            operation=Operation.UPDATE,
        )


def _is_unchanged(request: AdmissionRequest) -> bool:
    """An update of nothing a decision is a function of: status, finalizers, owners, annotations of other tools.

    It passes without the rules, so that garbage collection and controllers go on even where rules cannot be asked.
    """
    if request.operation is not Operation.UPDATE or request.object is None or request.old_object is None:
        return False
    new, old = essence(request.object), essence(request.old_object)
    # Python holds 1 and true for equal; a rule does not.
    return new == old and json.dumps(new, sort_keys=True) == json.dumps(old, sort_keys=True)


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise EvaluationError("a name in the request is no name of an object")
    return name


def _fetch(path: str, fetched: Fetched) -> JsonObject | None:
    if path not in fetched:
        raise WantedError(path)
    return fetched[path]


def _with(value: Any, keys: tuple[str, ...], leaf: Any) -> Any:
    """A copy of `value` with `leaf` at the end of `keys`."""
    if not keys:
        return leaf
    fields = value if isinstance(value, dict) else {}
    return {**fields, keys[0]: _with(fields.get(keys[0]), keys[1:], leaf)}
