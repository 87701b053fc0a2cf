"""What `ployd-policy rules` and `ployd-policy explain` print."""

from __future__ import annotations

import dataclasses

from ployd_policy.model.decision import Outcome
from ployd_policy.model.finding import Finding, Level, RuleInfo, Scope, Severity
from ployd_policy.model.location import Location, Position, Span
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.report import (
    Catalogue,
    Example,
    Examples,
    RenderOptions,
    explain_file,
    explain_rule,
    rules_table,
)

PLAIN = RenderOptions()
LEVELS = {"dev": Level.BASIC, "production": Level.COMPREHENSIVE}


def card(name: str, **changes: object) -> RuleInfo:
    base = RuleInfo(
        id=name,
        title=f"Title of {name}",
        description="d",
        severity=Severity.ERROR,
        scope=Scope.OBJECT,
        level=Level.BASIC,
        kinds=(),
        remedy="r",
    )
    return dataclasses.replace(base, **changes)


def test_table_of_rules(denied: Report) -> None:
    assert rules_table(denied.rules.values(), PLAIN) == (
        "RULE                 SEVERITY  LEVEL                       SCOPE      KINDS                           TITLE\n"
        "gpu.tensor_parallel  error     basic                       object     ModelDeployment                 "
        "Tensor parallel size fits the GPUs and the model\n"
        "labels.required      warning   comprehensive (production)  object     any                             "
        "Owner labels are set\n"
        "route.target_exists  error     full                        inventory  GatewayRoute, CanaryDeployment  "
        "Every route leads to a model\n"
        "yaml.duplicate_key   error     basic                       document   any                             "
        "A key stands twice\n"
        "\n"
        "4 rules: 2 basic, 1 full, 1 comprehensive.\n"
    )


def test_table_counts_many_kinds_unless_verbose() -> None:
    rule = card("a.b", kinds=("Pod", "Deployment", "Job", "CronJob"))
    assert (
        rules_table([rule], PLAIN).splitlines()[1] == "a.b   error     basic  object  Pod, Deployment +2  Title of a.b"
    )
    assert rules_table([rule], RenderOptions(verbose=True)).splitlines()[1] == (
        "a.b   error     basic  object  Pod, Deployment, Job, CronJob  Title of a.b"
    )


def test_table_of_no_rules() -> None:
    assert rules_table([], PLAIN) == "RULE  SEVERITY  LEVEL  SCOPE  KINDS  TITLE\n\nNo rules.\n"


def test_table_in_colour_keeps_its_columns() -> None:
    assert rules_table([card("a.b")], RenderOptions(color=True)).splitlines()[1] == (
        "a.b   \x1b[1;31merror   \x1b[0m  basic  object  any    Title of a.b"
    )


def test_page_of_a_rule(denied: Report) -> None:
    examples = Examples(
        passing=Example(file="allow/four.yaml", text="spec:\n  size: 4\n"),
        failing=Example(file="deny/three.yaml", text="spec:\r\n\tsize: \x1b3\n\n"),
    )
    assert explain_rule(denied.rules["gpu.tensor_parallel"], examples, PLAIN) == (
        "error[gpu.tensor_parallel]: Tensor parallel size fits the GPUs and the model\n"
        "level basic; sees the object; speaks about ModelDeployment\n"
        "\n"
        "vLLM splits attention heads evenly over the GPUs of one replica. It refuses to start else.\n"
        "\n"
        "Fails in production with\n"
        "  | ValueError: Total number of attention heads (64) must be divisible by tensor parallel size (3).\n"
        "\n"
        "What to change\n"
        "  Set tensor_parallel_size to a divisor of the attention heads, at most gpu.count.\n"
        "\n"
        "Passes: allow/four.yaml\n"
        "  | spec:\n"
        "  |   size: 4\n"
        "\n"
        "Fails: deny/three.yaml\n"
        "  | spec:\n"
        "  |     size: \\x1b3\n"
        "\n"
        "Evidence\n"
        "  vLLM parallelism\n"
        "    https://docs.vllm.ai/en/stable/parallelism.html\n"
    )


def test_page_of_a_rule_with_nothing_but_its_card(denied: Report) -> None:
    assert explain_rule(denied.rules["labels.required"], Examples(), PLAIN) == (
        "warning[labels.required]: Owner labels are set\n"
        "level comprehensive, only in production; sees the object; speaks about any kind\n"
        "\n"
        "Nobody knows whom to call.\n"
        "\n"
        "What to change\n"
        "  Add the labels.\n"
    )


def test_page_of_a_file_with_a_denied_object(denied: Report) -> None:
    page = explain_file(denied.files[0], Catalogue(rules=denied.rules, levels=LEVELS), PLAIN)
    assert page == (
        "environments/production/models/llama-70b.yaml\n"
        "\n"
        "ModelDeployment llm-serving/llama-70b\n"
        "  environment  production, level comprehensive\n"
        "  schema       ployd.ai/v1 ModelDeployment, accepted\n"
        "  verdict      denied, 1 error, 1 warning\n"
        f"  receipt      sha256:{'d' * 64}\n"
        "\n"
        "  failed   gpu.tensor_parallel  Tensor parallel size fits the GPUs and the model\n"
        "           environments/production/models/llama-70b.yaml:9:29: "
        "tensor_parallel_size 3 does not divide 64 attention heads\n"
        "             spec.model.vllm.tensor_parallel_size\n"
        "  warned   labels.required      Owner labels are set\n"
        "           environments/production/models/llama-70b.yaml:3:1: label ployd.ai/owner is missing\n"
        "             metadata\n"
        "  not run  route.target_exists  speaks about GatewayRoute, CanaryDeployment\n"
    )


def test_page_of_a_file_says_why_rules_kept_silent(clean: Report) -> None:
    rules = {
        rule.id: rule
        for rule in (
            *clean.rules.values(),
            card("budget.gpus", scope=Scope.INVENTORY),
            card("gpu.only_production", environments=("production",)),
            card("gpu.strict", level=Level.FULL),
            card("gpu.unselected"),
            card("schema.required"),
        )
    }
    [decision] = clean.files[0].decisions
    alone = dataclasses.replace(decision, receipt=dataclasses.replace(decision.receipt, inventory=""))
    page = explain_file(JudgedFile(file="a.yaml", decisions=(alone,)), Catalogue(rules=rules, levels=LEVELS), PLAIN)
    assert page.splitlines()[2:] == [
        "ModelDeployment llm-serving/llama-70b",
        "  environment  dev, level basic",
        "  schema       ployd.ai/v1 ModelDeployment, accepted",
        "  verdict      allowed",
        f"  receipt      sha256:{'d' * 64}",
        "",
        "  passed   gpu.tensor_parallel  Tensor parallel size fits the GPUs and the model",
        "  not run  budget.gpus          needs the other objects, which were not given",
        "  not run  gpu.only_production  only in production",
        "  not run  gpu.strict           from level full on",
        "  not run  gpu.unselected       not selected",
        "  not run  labels.required      only in production",
        "  not run  route.target_exists  speaks about GatewayRoute, CanaryDeployment",
    ]


def test_page_of_a_file_whose_object_the_schema_refuses(clean: Report) -> None:
    where = Location(file="a.yaml", span=Span(Position(6, 1), Position(6, 5)))
    finding = Finding(
        rule="schema.required", severity=Severity.ERROR, message="gpu is required", ref=None, location=where
    )
    [decision] = clean.files[0].decisions
    refused = dataclasses.replace(
        decision, outcome=Outcome.DENY, findings=(finding,), evaluated=(), undecided=("rules wait",)
    )
    rules = {"schema.required": card("schema.required"), "gpu.a": card("gpu.a")}
    page = explain_file(JudgedFile(file="a.yaml", decisions=(refused,)), Catalogue(rules=rules, levels=LEVELS), PLAIN)
    assert page.splitlines()[3:] == [
        "  environment  dev, level basic",
        "  schema       ployd.ai/v1 ModelDeployment, 1 finding",
        "  verdict      denied, 1 error",
        f"  receipt      sha256:{'d' * 64}",
        "  undecided    rules wait",
        "",
        "  failed   schema.required  Title of schema.required",
        "           a.yaml:6:1: gpu is required",
        "  not run  gpu.a            waits until the schema accepts the object",
    ]


def test_page_of_a_file_without_a_known_environment_or_schema(clean: Report) -> None:
    [decision] = clean.files[0].decisions
    receipt = dataclasses.replace(decision.receipt, environment="")
    strange = dataclasses.replace(decision, receipt=receipt, has_schema=False, evaluated=())
    page = explain_file(JudgedFile(file="a.yaml", decisions=(strange,)), Catalogue(rules={}, levels=LEVELS), PLAIN)
    assert page.splitlines()[3:5] == [
        "  environment  none, level comprehensive",
        "  schema       nobody gave one for ployd.ai/v1 ModelDeployment",
    ]


def test_page_of_a_broken_file(denied: Report) -> None:
    page = explain_file(denied.files[2], Catalogue(rules=denied.rules, levels=LEVELS), PLAIN)
    assert page == (
        "environments/dev/broken.yaml\n"
        "\n"
        "Text\n"
        '  environments/dev/broken.yaml:4:3: error[yaml.duplicate_key]: key "name" stands twice\n'
    )


def test_page_of_a_skipped_file(denied: Report) -> None:
    page = explain_file(denied.files[3], Catalogue(rules=denied.rules, levels=LEVELS), PLAIN)
    assert page == (
        "charts/gateway/templates/deploy.yaml\n\nNot judged\n  a Helm template; render it with --helm charts/gateway\n"
    )


def test_page_of_an_empty_file() -> None:
    page = explain_file(JudgedFile(file="empty.yaml"), Catalogue(rules={}, levels={}), PLAIN)
    assert page == "empty.yaml\n\nNo object was found in this file.\n"
