"""The thirty rules of `rules/`, in the form each server needs: as they are, as templates, beside a main package.

The text of a rule is written once. Only the name of the set and the place of the object change.
"""

import json
from pathlib import Path
from typing import Any

RULES = Path(__file__).parent / "rules"
NAMES = tuple(sorted(path.stem for path in RULES.glob("*.rego")))
# Ours and `opa run` take the rules as they are; Gatekeeper names its set and its input otherwise.
_TO_GATEKEEPER = {"deny contains msg if {": 'violation contains {"msg": msg} if {', "input.request.": "input.review."}
# https://www.openpolicyagent.org/docs/kubernetes/primer: POST / answers with data.system.main.
_MAIN = """\
package system

main := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": response,
}

messages := {msg | some msg in data.bench[_].deny}

response := {"uid": input.request.uid, "allowed": true} if count(messages) == 0

response := {
	"uid": input.request.uid,
	"allowed": false,
	"status": {"code": 403, "message": concat("\\n", messages)},
} if {
	count(messages) > 0
}
"""


def write_opa(folder: Path) -> None:
    """What `opa run` loads."""
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.rego").write_text(_text(name))
    (folder / "main.rego").write_text(_MAIN)


def constraint_templates() -> list[dict[str, Any]]:
    """One for each rule."""
    found = []
    for name in NAMES:
        text = _text(name)
        for ours, theirs in _TO_GATEKEEPER.items():
            if ours not in text:
                raise AssertionError(f"{name}.rego has no {ours!r}")
            text = text.replace(ours, theirs)
        code = [{"engine": "Rego", "source": {"version": "v1", "rego": text}}]
        target = {"target": "admission.k8s.gatekeeper.sh", "code": code}
        spec = {"crd": {"spec": {"names": {"kind": _kind(name)}}}, "targets": [target]}
        found.append(_object("templates.gatekeeper.sh/v1", "ConstraintTemplate", _kind(name).lower(), spec))
    return found


def constraints() -> list[dict[str, Any]]:
    """One for each template, on every Deployment."""
    match = {"match": {"kinds": [{"apiGroups": ["apps"], "kinds": ["Deployment"]}]}}
    version = "constraints.gatekeeper.sh/v1beta1"
    return [_object(version, _kind(name), name.replace("_", "-"), match) for name in NAMES]


def as_list(objects: list[dict[str, Any]]) -> str:
    """What kubectl applies in one go."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _object(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _text(name: str) -> str:
    return (RULES / f"{name}.rego").read_text(encoding="utf-8")


def _kind(name: str) -> str:
    return "Bench" + name.title().replace("_", "")
