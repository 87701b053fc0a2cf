"""A small run with one of everything, built from plain values."""

from __future__ import annotations

import pytest

from ployd_policy.model.decision import Decision, Receipt, outcome_of
from ployd_policy.model.finding import Evidence, Finding, Level, Related, RuleInfo, Scope, Severity, Skip
from ployd_policy.model.location import Location, Position, Span
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

MODEL = "environments/production/models/llama-70b.yaml"
ROUTE = "environments/production/routes/chat.yaml"
BROKEN = "environments/dev/broken.yaml"
BUNDLE = "sha256:" + "b" * 64

MODEL_TEXT = """\
apiVersion: ployd.ai/v1
kind: ModelDeployment
metadata:
  name: llama-70b
  namespace: llm-serving
spec:
  model:
    vllm:
      tensor_parallel_size: 3
  gpu:
    count: 4
"""
ROUTE_TEXT = """\
apiVersion: ployd.ai/v1
kind: GatewayRoute
metadata:
  name: chat
spec:
  models: [{name: llama-70b, weight: 60}]
"""


def span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span(Position(line, column), Position(end_line or line, end_column))


def reference(kind: str, name: str, namespace: str = "llm-serving") -> ObjectRef:
    return ObjectRef(GroupVersionKind("ployd.ai", "v1", kind), namespace, name)


RULES = {
    rule.id: rule
    for rule in (
        RuleInfo(
            id="gpu.tensor_parallel",
            title="Tensor parallel size fits the GPUs and the model",
            description="vLLM splits attention heads evenly over the GPUs of one replica.\nIt refuses to start else.",
            severity=Severity.ERROR,
            scope=Scope.OBJECT,
            level=Level.BASIC,
            kinds=("ModelDeployment",),
            remedy="Set tensor_parallel_size to a divisor of the attention heads, at most gpu.count.",
            prevents="ValueError: Total number of attention heads (64) must be divisible by tensor parallel size (3).",
            evidence=(Evidence(title="vLLM parallelism", url="https://docs.vllm.ai/en/stable/parallelism.html"),),
        ),
        RuleInfo(
            id="route.target_exists",
            title="Every route leads to a model",
            description="A route to nothing answers 503.",
            severity=Severity.ERROR,
            scope=Scope.INVENTORY,
            level=Level.FULL,
            kinds=("GatewayRoute", "CanaryDeployment"),
            remedy="Name a model that exists in this environment.",
        ),
        RuleInfo(
            id="labels.required",
            title="Owner labels are set",
            description="Nobody knows whom to call.",
            severity=Severity.WARNING,
            scope=Scope.OBJECT,
            level=Level.COMPREHENSIVE,
            environments=("production",),
            kinds=(),
            remedy="Add the labels.",
        ),
        RuleInfo(
            id="yaml.duplicate_key",
            title="A key stands twice",
            description="kubectl refuses the file.",
            severity=Severity.ERROR,
            scope=Scope.DOCUMENT,
            level=Level.BASIC,
            kinds=(),
            remedy="Remove one.",
        ),
    )
}


def decision(
    ref: ObjectRef,
    findings: tuple[Finding, ...] = (),
    *,
    environment: str = "production",
    evaluated: tuple[str, ...] = (),
    undecided: tuple[str, ...] = (),
    has_schema: bool = True,
) -> Decision:
    body = {"apiVersion": ref.gvk.api_version, "kind": ref.gvk.kind, "metadata": {"name": ref.name}}
    return Decision(
        resource=Resource(ref=ref, object=body),
        outcome=outcome_of(findings),
        findings=findings,
        evaluated=evaluated,
        undecided=undecided,
        receipt=Receipt(
            digest="sha256:" + "d" * 64, bundle=BUNDLE, environment=environment, inventory="sha256:" + "e" * 64
        ),
        has_schema=has_schema,
    )


@pytest.fixture
def denied() -> Report:
    """Two files with findings of every form, one broken text, skips and an undecided check."""
    llama, chat = reference("ModelDeployment", "llama-70b"), reference("GatewayRoute", "chat", "")
    parallel = Finding(
        rule="gpu.tensor_parallel",
        severity=Severity.ERROR,
        message="tensor_parallel_size 3 does not divide 64 attention heads",
        ref=llama,
        path=("spec", "model", "vllm", "tensor_parallel_size"),
        location=Location(file=MODEL, span=span(9, 29, 30)),
        remedy="Set tensor_parallel_size to 4: it divides 64 heads and fits 4 GPUs.",
        related=(
            Related(
                message="4 GPUs a replica",
                path=("spec", "gpu", "count"),
                ref=llama,
                location=Location(file=MODEL, span=span(11, 12, 13)),
            ),
        ),
    )
    labels = Finding(
        rule="labels.required",
        severity=Severity.WARNING,
        message="label ployd.ai/owner is missing",
        ref=llama,
        path=("metadata",),
        location=Location(file=MODEL, span=span(3, 1, 9)),
    )
    target = Finding(
        rule="route.target_exists",
        severity=Severity.ERROR,
        message="no ModelDeployment llama-70b in namespace default",
        ref=chat,
        path=("spec", "models", 0, "name"),
        location=Location(file=ROUTE, span=span(6, 19, 28)),
        related=(
            Related(message="the nearest one", ref=llama, location=Location(file=MODEL, span=span(4, 9, 18))),
            Related(message="also in the registry", path=("spec", "uri"), ref=reference("ModelDeployment", "other")),
        ),
    )
    twice = Finding(
        rule="yaml.duplicate_key",
        severity=Severity.ERROR,
        message='key "name" stands twice',
        ref=None,
        location=Location(file=BROKEN, span=span(4, 3, 7)),
    )
    return Report(
        tool_version="0.1.0",
        bundle=BUNDLE,
        rules=RULES,
        files=(
            JudgedFile(
                file=MODEL,
                decisions=(
                    decision(
                        llama,
                        (parallel, labels),
                        evaluated=("gpu.tensor_parallel", "labels.required"),
                    ),
                ),
            ),
            JudgedFile(
                file=ROUTE,
                decisions=(
                    decision(
                        chat,
                        (target,),
                        environment="",
                        evaluated=("route.target_exists", "labels.required"),
                        undecided=("spec.issuer: isURL is not known offline",),
                    ),
                ),
                skips=(
                    Skip(reason="no schema for v1 Widget", location=Location(file=ROUTE), ref=reference("Widget", "w")),
                ),
            ),
            JudgedFile(file=BROKEN, findings=(twice,)),
            JudgedFile(
                file="charts/gateway/templates/deploy.yaml",
                skips=(
                    Skip(
                        reason="a Helm template; render it with --helm charts/gateway",
                        location=Location(file="charts/gateway/templates/deploy.yaml"),
                    ),
                ),
            ),
        ),
        warnings=("1 file is in no environment. Map it in .ployd-policy.yaml.",),
        excerpts={MODEL: MODEL_TEXT, ROUTE: ROUTE_TEXT},
    )


@pytest.fixture
def clean() -> Report:
    """Two objects, two environments, nothing wrong."""
    return Report(
        tool_version="0.1.0",
        bundle=BUNDLE,
        rules=RULES,
        files=tuple(
            JudgedFile(
                file=f"environments/{environment}/llama.yaml",
                decisions=(
                    decision(
                        reference("ModelDeployment", "llama-70b"),
                        environment=environment,
                        evaluated=("gpu.tensor_parallel", "labels.required")[:rules],
                    ),
                ),
            )
            for environment, rules in (("dev", 1), ("production", 2))
        ),
    )
