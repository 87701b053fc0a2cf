"""Proves that a handler denies what must be denied, before it serves: one that allows everything looks as calm.

It is given reviews and knows no files; as a side effect everything they need is compiled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ployd_policy.model.errors import BundleError
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.webhook.handler import Handler

_UID = "self-test"


def prove(
    handler: Handler, *, refused: Sequence[tuple[str, Mapping[str, Any]]], rules: Iterable[str], judged: Sequence[str]
) -> None:
    """Answer known-bad reviews.

    Args:
        handler: what is to serve.
        refused: (rule, object) where the rule must refuse the object, most telling first.
        rules: ids of the rules that are loaded; if any of `refused` is about one of them, one must be refused by it.
        judged: namespaces whose environments are to be compiled for.

    Raises:
        BundleError: something bad was allowed, or could not be judged.

    """
    broken = {"apiVersion": "ployd.ai/v1", "kind": "ModelDeployment", "metadata": {"name": "self-test"}, "spec": 1}
    answer = handler.answer(review(broken, "self-test"))
    if answer.record["verdict"] != "deny":
        raise BundleError(f"self-test: a ModelDeployment without a spec got {answer.record['verdict']}, not deny")
    _refused_by_a_rule(handler, refused, frozenset(rules), judged)
    # Once more with a cluster around them: rules about other objects are compiled then.
    handler.learn(Surroundings(cluster=True, namespaces={"": {}, **{name: {} for name in judged}}, objects=()))
    _refused_by_a_rule(handler, refused, frozenset(rules), judged)
    handler.learn(Surroundings())


def _refused_by_a_rule(
    handler: Handler, refused: Sequence[tuple[str, Mapping[str, Any]]], known: frozenset[str], judged: Sequence[str]
) -> None:
    candidates = [(rule, value) for rule, value in refused if rule in known]
    for rule, value in candidates:
        # Also where an earlier one was refused already: each compiles its kind's rules for every environment.
        verdicts = [handler.answer(review(value, namespace)).record for namespace in ("", *judged)]
        failed = next((record for record in verdicts if record["verdict"] == "error"), None)
        if failed is not None:
            raise BundleError(f"self-test: the bad example of {rule} could not be judged: {failed['message']}")
        if rule in verdicts[0]["denied"]:
            candidates = []
    if candidates:
        raise BundleError(
            f"self-test: no rule refused what it must: {', '.join(sorted({rule for rule, _ in candidates}))}",
            remedy="A policy or a parameter has switched the rules off; look at what changed last.",
        )


def review(value: Mapping[str, Any], namespace: str) -> bytes:
    """The review of the creation of an object in a namespace."""
    group, _, version = str(value["apiVersion"]).rpartition("/")
    metadata = {**value["metadata"], "namespace": namespace} if namespace else value["metadata"]
    request = {
        "uid": _UID,
        "operation": "CREATE",
        "kind": {"group": group, "version": version, "kind": value["kind"]},
        "name": value["metadata"]["name"],
        "namespace": namespace,
        "object": {**value, "metadata": metadata},
        "dryRun": True,
    }
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).encode()
