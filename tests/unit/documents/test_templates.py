"""Templates are skipped with a reason; manifests that only speak of templates are not."""

import pytest

from ployd_policy.documents import parse, template_reason

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "  name: {{ .Release.Name }}\n",
        HEAD + "  name: a\n{{- if .Values.x }}\ndata: {}\n{{- end }}\n",
        HEAD + '  name: a\n  {{- include "labels" . | nindent 4 }}\n',
        "{{- range .Values.list }}\n" + HEAD + "  name: x\n{{- end }}\n",
        HEAD + "  name: it's {{ name }}\n{% if x %}\n",
    ],
)
def test_a_template_is_skipped(text: str) -> None:
    parsed = parse(text.encode(), file="deploy/map.yaml")
    assert parsed.findings == ()
    assert parsed.documents == ()
    (skip,) = parsed.skips
    assert skip.reason.startswith("a template (")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "  name: '{{ name }}'\n",
        HEAD + '  name: "{{ .Values.name }}"\n',
        HEAD + "  name: app-{{cluster}}\n",
        HEAD + "  name: a # {{ comment }}\n",
        HEAD + "  name: a\ndata:\n  template: |\n    {{ range . }}\n    {{ end }}\n",
    ],
)
def test_a_manifest_that_speaks_of_templates_is_judged(text: str) -> None:
    parsed = parse(text.encode(), file="deploy/map.yaml")
    assert len(parsed.documents) == 1
    assert (parsed.findings, parsed.skips) == ((), ())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (HEAD + "  name: [\n# {{ comment }}\n", "yaml.syntax"),
        (HEAD + "  name: '{{ a }}'\n  name: b\n", "yaml.duplicate_key"),
        (HEAD + "  name: {{ a }}\n  b: \x07\n", "yaml.encoding"),
        (HEAD + "  name: {{\n", "yaml.syntax"),
    ],
)
def test_a_broken_manifest_is_no_template_for_a_comment_or_a_text(text: str, rule: str) -> None:
    parsed = parse(text.encode(), file="deploy/map.yaml")
    assert [finding.rule for finding in parsed.findings] == [rule]


def test_only_the_templated_document_of_a_file_is_skipped() -> None:
    parsed = parse(f"{HEAD}  name: a\n---\n{HEAD}  name: {{{{ b }}}}\n".encode(), file="map.yaml")
    assert [document.value["metadata"]["name"] for document in parsed.documents] == ["a"]
    assert [skip.reason for skip in parsed.skips] == [
        "a template ({{ in line 4): judge what it renders, a Helm chart with --helm"
    ]


def test_a_file_of_a_chart_is_skipped_whatever_it_holds() -> None:
    parsed = parse(b"anything: at all", file="chart/templates/x.yaml", in_chart=True)
    assert [skip.reason for skip in parsed.skips] == [
        "x.yaml belongs to a Helm chart: judge what it renders with --helm"
    ]
    assert (parsed.documents, parsed.findings) == ((), ())


def test_the_reason_names_the_line() -> None:
    assert template_reason("a: 1\nb: {{ x }}\n", "f.yaml") == (
        "a template ({{ in line 2): judge what it renders, a Helm chart with --helm"
    )
    assert template_reason("a: 1\n", "f.yaml") is None
