"""Prepares what the peers need to do the same work: JSON schemas for kubeconform, policies and data for conftest.

Nothing here is measured.
"""

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

LEVELS = ("basic", "full", "comprehensive")
KUBERNETES = "v1.37.0-local-strict"
# What generate.py writes.
BUILT_IN = (
    "configmap-v1",
    "cronjob-batch-v1",
    "deployment-apps-v1",
    "networkpolicy-networking-v1",
    "poddisruptionbudget-policy-v1",
    "service-v1",
    "serviceaccount-v1",
)
_REFERENCE = re.compile(r'"[^"]*#/\$defs/([^"]+)"')


def write_built_in_schemas(folder: Path) -> None:
    """The JSON schemas ployd-policy takes for Kubernetes' own kinds, each made to stand alone, as kubeconform's are."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(str(files("kubernetes_validate"))) / "kubernetes-json-schema" / KUBERNETES
    definitions = json.loads((source / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    for kind in BUILT_IN:
        text = (source / f"{kind}.json").read_text(encoding="utf-8")
        needed: dict[str, Any] = {}
        waiting = set(_REFERENCE.findall(text))
        while waiting:
            name = waiting.pop()
            needed[name] = definitions[name]
            waiting |= set(_REFERENCE.findall(json.dumps(definitions[name]))) - needed.keys()
        whole = json.dumps(json.loads(text) | {"$defs": needed})
        (folder / f"{kind}.json").write_text(_REFERENCE.sub(r'"#/$defs/\1"', whole), encoding="utf-8")


def write_crd_schemas(crds: Path, folder: Path) -> None:
    """One JSON schema for each version of each CRD in `crds`, named as kubeconform looks for it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(crds.rglob("*.yaml")):
        for crd in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            kind = crd["spec"]["names"]["kind"].lower()
            for version in crd["spec"]["versions"]:
                schema = _closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= {name: {"type": "string"} for name in ("apiVersion", "kind")}
                schema["properties"]["metadata"] = {"type": "object"}
                (folder / f"{kind}_{version['name']}.json").write_text(json.dumps(schema), encoding="utf-8")


def _closed(schema: Any) -> Any:
    """`schema` as strict validation of files reads it: unknown fields are refused, int-or-string is spelled out."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if schema.get("x-kubernetes-int-or-string") is True:
        closed["type"] = ["integer", "string"]
    if "properties" in schema and isinstance(schema["properties"], dict) and "type" in schema:
        keeps = schema.get("x-kubernetes-preserve-unknown-fields") is True
        closed.setdefault("additionalProperties", keeps)
    return closed


def object_rules(opa: Path, policies: Path) -> dict[str, dict[str, Any]]:
    """METADATA's `custom` of every object rule, by rule id.

    Inventory rules have no equal: conftest sees one file at a time.
    """
    inspected = subprocess.run(
        [opa, "inspect", "--annotations", "--format", "json", policies], capture_output=True, check=True
    )
    rules = {}
    for entry in json.loads(inspected.stdout)["annotations"]:
        names = [part["value"] for part in entry["path"]]
        custom = entry["annotations"].get("custom", {})
        if names[:3] == ["data", "ployd", "rules"] and custom.get("scope") == "object":
            rules[".".join(names[3:])] = custom
    return rules


def write_adapter(rules: dict[str, dict[str, Any]], policies: Path, folder: Path) -> None:
    """A `main` package that shows each file to our own rules as they expect it, and the data they ask for."""
    folder.mkdir(parents=True, exist_ok=True)
    environments = yaml.safe_load((policies / "data" / "environments.yaml").read_text(encoding="utf-8"))
    shared = environments.get("parameters", {})
    demands = {
        name: {
            "level": LEVELS.index(demand["level"]),
            "parameters": {
                rule: shared.get(rule, {}) | demand.get("parameters", {}).get(rule, {})
                for rule in shared | demand.get("parameters", {})
            },
            "level_name": demand["level"],
        }
        for name, demand in environments["environments"].items()
    }
    ployd = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((policies / "data").iterdir())
        if path.suffix in {".yaml", ".json"}
    }
    (folder / "data.json").write_text(json.dumps({"benchmark": demands, "ployd": ployd}), encoding="utf-8")
    heads = "\n".join(_heads(rule, custom) for rule, custom in sorted(rules.items()))
    (folder / "main.rego").write_text(_ADAPTER + heads, encoding="utf-8")


_ADAPTER = """\
package main

environment := name if {
	some name, _ in data.benchmark
	contains(data.conftest.file.dir, sprintf("/environments/%s/", [name]))
}

demands := data.benchmark[environment]

version := parts if {
	parts := split(input.apiVersion, "/")
	count(parts) == 2
} else := ["", input.apiVersion]

review := {
	"request": {
		"uid": "",
		"operation": "CREATE",
		"kind": {"group": version[0], "version": version[1], "kind": input.kind},
		"namespace": object.get(input.metadata, "namespace", ""),
		"name": input.metadata.name,
		"object": input,
		"oldObject": null,
		"subResource": "",
		"dryRun": false,
		"userInfo": {},
	},
	"ployd": {
		"environment": environment,
		"level": demands.level_name,
		"parameters": demands.parameters,
		"capacity": {"servers": []},
	},
}
"""


def _heads(rule: str, custom: dict[str, Any]) -> str:
    runs = [f"demands.level >= {LEVELS.index(custom['level'])}"]
    if custom.get("environments"):
        runs.append(f"environment in {json.dumps(custom['environments'])}")
    conditions = "\n\t".join(runs)
    return "\n".join(
        f"""
{head} contains {{"msg": sprintf("{rule}: %s", [object.get(row, "msg", row)])}} if {{
	{conditions}
	some row in data.ployd.rules.{rule}.{head} with input as review
}}"""
        for head in ("deny", "warn")
    )
