"""Recognises what is plainly no manifest: templates, charts, overlays, settings of tools.

Those are skipped with a reason, never judged as broken. A text that an API server would take is never among them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

# An open quote ends with its line: looked for to the end of the text, a line full of them would take forever.
_OUTSIDE_TEXT = re.compile(
    r"""(?m)(?:^|(?<=\s))\#[^\n]*                           # a comment
    | (?<![^\s\[{,:(-])"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?     # text in quotes
    | (?<![^\s\[{,:(-])'(?:[^'\n]|'')*+'?
    | (?P<action>\{\{)
    | (?P<statement>\{%)""",
    re.VERBOSE,
)
_LONGEST_ACTION = 400
_MOST_LOOKED_AT = 10_000
_TOOL_GROUPS = {
    "kustomize.config.k8s.io": "a Kustomize overlay: judge what it renders with --kustomize",
    "kind.x-k8s.io": "settings of kind",
    "kubeadm.k8s.io": "settings of kubeadm",
    "kubelet.config.k8s.io": "settings of the kubelet",
    "kubeproxy.config.k8s.io": "settings of kube-proxy",
    "kubescheduler.config.k8s.io": "settings of the scheduler",
    "apiserver.config.k8s.io": "settings of the API server",
    "audit.k8s.io": "an audit policy, read by the API server from disk",
    "client.authentication.k8s.io": "settings of a kubectl credential plugin",
    "skaffold": "settings of Skaffold",
}
"""Groups that look like objects and are read from disk by a tool; no API server ever sees them."""
_PATCH_OPERATIONS = {"add", "remove", "replace", "move", "copy", "test"}
NOT_KUBERNETES = "not a Kubernetes object: no apiVersion and kind"


def template_reason(text: str, file: str, *, in_chart: bool = False) -> str | None:
    """Why `text` is a template and no manifest yet, or None.

    `in_chart` says that the file lies in a chart's templates/ folder. Elsewhere a template is a text with `{{ ... }}`
    or `{% ... %}` outside quotes and comments. A manifest may hold those inside a plain text (an Argo CD
    ApplicationSet does), so the question is put only about text that could not be read.
    """
    if in_chart:
        return f"{_basename(file)} belongs to a Helm chart: judge what it renders with --helm"
    for match in islice(_OUTSIDE_TEXT.finditer(text), _MOST_LOOKED_AT):
        closing = "}}" if match["action"] else "%}"
        if match.lastgroup and closing in text[match.end() : match.end() + _LONGEST_ACTION]:
            line = text.count("\n", 0, match.start()) + 1
            return f"a template ({match[0]} in line {line}): judge what it renders, a Helm chart with --helm"
    return None


def foreign_reason(value: Any, file: str) -> str | None:
    """Why a document is plainly no Kubernetes object, or None where it is one or pretends to be."""
    if isinstance(value, Mapping):
        return _foreign_mapping(value, _basename(file))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _foreign_list(value)
    return None


def _foreign_mapping(value: Mapping[str, Any], name: str) -> str | None:
    api_version, kind = value.get("apiVersion"), value.get("kind")
    complete = "apiVersion" in value and "kind" in value
    if isinstance(api_version, str):
        reason = _TOOL_GROUPS.get(api_version.rpartition("/")[0])
        if reason is not None:
            return reason
        if (api_version, kind) == ("v1", "Config") and "clusters" in value:
            return "a kubeconfig"
    if complete:
        return None
    if name in {"Chart.yaml", "Chart.yml", "Chart.lock"}:
        return "the description of a Helm chart: judge what it renders with --helm"
    if name in {"kustomization.yaml", "kustomization.yml", "Kustomization"}:
        return "a Kustomize overlay: judge what it renders with --kustomize"
    if name.startswith("values") and name.endswith((".yaml", ".yml", ".json")):
        return "values of a Helm chart: judge what it renders with --helm"
    return None if "apiVersion" in value or "kind" in value else NOT_KUBERNETES


def _foreign_list(value: Sequence[Any]) -> str | None:
    if any(isinstance(item, Mapping) and ("apiVersion" in item or "kind" in item) for item in value):
        return None
    if value and all(isinstance(item, Mapping) and str(item.get("op")) in _PATCH_OPERATIONS for item in value):
        return "a JSON patch"
    return "not a Kubernetes object: a list without apiVersion and kind"


def _basename(file: str) -> str:
    return file.rpartition("/")[2]
