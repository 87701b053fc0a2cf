"""Which environment a file or namespace belongs to, and what that environment demands.

Pure: takes the decoded environments data (the bundle's `policies/data/environments.yaml` with the operator's settings
laid over it) and answers questions about it. It reads no files and knows no rules.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Level, RuleInfo

_PARAMETERS = {"type": "object", "additionalProperties": {"type": "object"}}
_PATHS = {"type": "array", "items": {"type": "string", "minLength": 1}}
_ENVIRONMENT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "level": {"enum": [level.value for level in Level]},
        "paths": _PATHS,
        "confirm": {"type": "boolean"},
        "parameters": _PARAMETERS,
    },
}
ENVIRONMENTS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["order", "environments"],
    "properties": {
        "order": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "clusters": _PATHS,
        "parameters": _PARAMETERS,
        "environments": {"type": "object", "additionalProperties": _ENVIRONMENT | {"required": ["level"]}},
    },
}
"""Shape of the environments data."""

OVERLAY_SCHEMA: Mapping[str, Any] = {"type": "object", "additionalProperties": _ENVIRONMENT}
"""Shape of an operator's overlay: environment name -> what is different there."""

NAMESPACE_LABEL = "ployd.ai/environment"
_CLUSTER = "<cluster>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What one environment asks of the objects in it."""

    environment: str | None
    level: Level
    parameters: Mapping[str, Mapping[str, Any]]
    """By rule id."""
    confirm: bool = False
    """Whether somebody has to say yes before anything is deployed to it."""

    def asks_for(self, rule: RuleInfo) -> bool:
        """Whether `rule` runs here."""
        if rule.environments and self.environment is not None and self.environment not in rule.environments:
            return False
        return self.level.includes(rule.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentMap:
    """The mapping of files and namespaces to environments."""

    order: tuple[str, ...]
    """From the lowest environment to the highest."""
    _paths: tuple[tuple[re.Pattern[str], str], ...]
    _clusters: tuple[re.Pattern[str], ...]
    _demands: Mapping[str | None, Demands]

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> EnvironmentMap:
        """Read the environments data.

        Raises:
            ConfigurationError: it does not have the shape of `ENVIRONMENTS_SCHEMA`, or misses one in `order`.
        """
        _check(data, ENVIRONMENTS_SCHEMA)
        environments = data["environments"]
        if set(data["order"]) != set(environments):
            missing = sorted(set(data["order"]) ^ set(environments))
            raise ConfigurationError(
                f"environments data: `order` and `environments` differ in {', '.join(missing)}",
                remedy="Name every environment in both.",
            )
        common = data.get("parameters", {})
        demands: dict[str | None, Demands] = {
            # Nobody said where the object will run, so it must be fit for everywhere.
            None: Demands(environment=None, level=list(Level)[-1], parameters=common)
        }
        for name, environment in environments.items():
            demands[name] = Demands(
                environment=name,
                level=Level(environment["level"]),
                parameters=_merge(common, environment.get("parameters", {})),
                confirm=environment.get("confirm", False),
            )
        return cls(
            order=tuple(data["order"]),
            _paths=tuple(
                (_glob(glob), name)
                for name, environment in environments.items()
                for glob in environment.get("paths", ())
            ),
            _clusters=tuple(_glob(glob) for glob in data.get("clusters", ())),
            _demands=demands,
        )

    def of_path(self, path: str) -> str | None:
        """The environment of a file, by its path from the root of the repository."""
        return next((name for pattern, name in self._paths if pattern.fullmatch(path)), None)

    def of_namespace(self, name: str, labels: Mapping[str, Any]) -> str | None:
        """The environment of a namespace: its label, else its name.

        A label that names no environment gives None: a typing error must not relax anything.
        """
        if NAMESPACE_LABEL in labels:
            label = labels[NAMESPACE_LABEL]
            return label if isinstance(label, str) and label in self._demands else None
        return name if name and name in self._demands else None

    def cluster_of(self, path: str) -> str:
        """The cluster a file belongs to by its path; empty where it belongs to none."""
        for pattern in self._clusters:
            if match := pattern.fullmatch(path):
                return match.groupdict().get("cluster") or ""
        return ""

    def demands(self, environment: str | None) -> Demands:
        """What `environment` asks; None asks for everything.

        Raises:
            ConfigurationError: there is no environment of that name.
        """
        found = self._demands.get(environment)
        if found is None:
            raise ConfigurationError(
                f"there is no environment {environment!r}", remedy=f"Choose one of {', '.join(self.order)}."
            )
        return found


def overlay(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The environments data with an operator's changes: level and paths replace, parameters merge rule by rule.

    An environment the data does not know is added as the highest.

    Raises:
        ConfigurationError: `changes` does not have the shape of `OVERLAY_SCHEMA`.
    """
    _check(changes, OVERLAY_SCHEMA)
    environments = dict(data["environments"])
    order = list(data["order"])
    for name, change in changes.items():
        known = environments.get(name, {"level": list(Level)[-1].value})
        environments[name] = {
            **known,
            **change,
            "parameters": _merge(known.get("parameters", {}), change.get("parameters", {})),
        }
        if name not in order:
            order.append(name)
    return {**data, "environments": environments, "order": order}


def require_known_parameters(changes: Mapping[str, Any], defaults: Mapping[str, Any], rules: Collection[str]) -> None:
    """Refuse parameters of rules there are not, and unknown parameters of rules that have some by default.

    Raises:
        ConfigurationError: a name matches nothing; a typing error would otherwise leave a limit where it was.

    """
    known: dict[str, set[str]] = {}
    for part in (defaults, *defaults["environments"].values()):
        for rule, parameters in part.get("parameters", {}).items():
            known.setdefault(rule, set()).update(parameters)
    for name, change in changes.items():
        for rule, parameters in change.get("parameters", {}).items():
            if rule not in rules:
                raise ConfigurationError(
                    f"environments.{name}.parameters: there is no rule {rule}", remedy=_near(rule, rules)
                )
            for parameter in parameters:
                if rule in known and parameter not in known[rule]:
                    raise ConfigurationError(
                        f"environments.{name}.parameters.{rule}: there is no parameter {parameter}",
                        remedy=_near(parameter, known[rule]),
                    )


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}."


def _merge(
    base: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    return {rule: {**base.get(rule, {}), **changes.get(rule, {})} for rule in {**base, **changes}}


def _check(data: object, schema: Mapping[str, Any]) -> None:
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(data))
    if error is not None:
        place = "environments" + "".join(f".{step}" for step in error.absolute_path)
        raise ConfigurationError(f"{place}: {error.message}")


def _glob(glob: str) -> re.Pattern[str]:
    """`**/environments/dev/**` as a pattern: `**` crosses folders, `*` and `?` do not, `<cluster>` names one folder."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|<cluster>)", glob)
    meaning = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]", _CLUSTER: "(?P<cluster>[^/]+)"}
    return re.compile("".join(meaning.get(part) or re.escape(part) for part in parts), re.DOTALL)
