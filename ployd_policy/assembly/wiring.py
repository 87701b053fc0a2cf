"""Options and settings become a wired engine. It reads files through `workspace` and constructs; it judges nothing."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ployd_policy import capacity, documents, repository, workspace
from ployd_policy.crd import RULES as SCHEMA_RULES
from ployd_policy.crd import SchemaSet
from ployd_policy.engine import Door, Engine, Selection
from ployd_policy.environment import EnvironmentMap, overlay, require_known_parameters
from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import RuleInfo
from ployd_policy.ports import RuleEvaluator
from ployd_policy.rego import PolicyBundle, load_bundle, read_archive

_TIME_LIMIT_S = 2.0
"""For one object's rules; the webhook's deadline leaves no more."""
_OPA_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What decisions are a function of, besides the objects."""

    environments: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the bundled environments data."""
    policies: tuple[Path, ...] = ()
    """Folders beside the bundled policies."""
    schemas: tuple[Path, ...] = ()
    """Folders of CRDs beside the bundled ones."""
    catalogues: tuple[Path, ...] = ()
    """Folders of GPUs, models, vLLM versions and prices, laid over the bundled ones in their order."""
    bundle: Path | None = None
    """A bundle file instead of the bundled policies and everything laid over them."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    opa_url: str | None = None
    """An OPA server runs the rules; None: the embedded engine does."""
    opa_timeout_s: float = _OPA_TIMEOUT_S
    """For one answer of that server."""
    on_print: Callable[[str], None] = lambda _line: None
    """Gets what policies `print` in the embedded engine; a server has a log of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A loaded bundle with its engine."""

    engine: Engine
    bundle: PolicyBundle
    rules: Mapping[str, RuleInfo]
    """Every rule that can speak: of text, schema and policies."""

    @property
    def framework_defaults(self) -> Mapping[str, Mapping[str, Any]]:
        """What the platform sets where a resource does not, by framework; see `sdk.translate`."""
        frameworks = self.bundle.data["ployd"]["platform"]["frameworks"]
        return {name: entry["settings"] for name, entry in frameworks.items()}


def bundled(name: str) -> Path:
    """A folder of package data: `policies`, `schemas` or `examples`."""
    return Path(str(importlib.resources.files("ployd_policy.bundled").joinpath(name)))


def load_policies(setup: Setup) -> PolicyBundle:
    """The bundled policies and data, with the setup's folders and environments.

    Raises:
        ConfigurationError: a folder is missing or empty, data has the wrong shape.
        BundleError: a policy does not load.

    """
    if setup.bundle is not None:
        return _packed(setup, setup.bundle)
    modules = [(f"policies/{path}", text) for path, text in workspace.read_folder(bundled("policies"), (".rego",))]
    data: dict[str, Any] = {"ployd": dict(workspace.read_data(bundled("policies") / "data"))}
    defaults = data["ployd"]["environments"]
    data["ployd"]["environments"] = overlay(defaults, setup.environments)
    for folder in setup.catalogues:
        data["ployd"] |= _laid_over(data["ployd"], folder)
    for folder in setup.policies:
        own = [(f"{folder}/{path}", text) for path, text in workspace.read_folder(folder, (".rego",))]
        if not own:
            raise ConfigurationError(f"{folder}: no policies (*.rego) in it")
        modules += own
        for name, value in workspace.read_data(folder / "data"):
            if name in data:
                raise ConfigurationError(f"{folder}/data: `data.{name}` is there already", remedy="Rename the file.")
            data[name] = value
    bundle = load_bundle(modules, data)
    for folder in setup.policies:
        _require_rules(bundle, folder)
    require_known_parameters(setup.environments, defaults, [rule.id for rule in bundle.rules])
    return bundle


def _packed(setup: Setup, file: Path) -> PolicyBundle:
    """The policies and data of a bundle file, which has everything in it.

    Raises:
        ConfigurationError: something else is to be laid over it, or it cannot be read.
        BundleError: it does not load.

    """
    if setup.policies or setup.catalogues or setup.environments:
        raise ConfigurationError(
            f"--bundle {file} has its own policies, catalogues and environments, and others were given beside it",
            remedy="Lay them over when the bundle is made: `ployd-policy bundle` takes the same options.",
        )
    modules, data = read_archive(workspace.read_bundle(file))
    return load_bundle(modules, data)


def _laid_over(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The catalogues of `data` with an operator's folder over them; see `capacity.merged`.

    Raises:
        ConfigurationError: the folder cannot be read or has no catalogue, another file, two of one name, or a wrong
            entry.

    """
    found: dict[str, Any] = {}
    for stem, (file, value) in workspace.read_catalogue(folder, capacity.CATALOGUES).items():
        found[stem] = capacity.merged(stem, data[stem], value)
        problems = capacity.problems(stem, found[stem])
        if problems:
            raise ConfigurationError(
                f"{file}: {problems[0]}",
                remedy="The keys are those of the entries that come with ployd-policy (policies/data).",
            )
    return found


def _require_rules(bundle: PolicyBundle, folder: Path) -> None:
    """Refuse a folder that adds no rule: a head misspelt must not read as a policy kept."""
    packages = set(bundle.packages.values())
    if not any(module.package in packages for module in bundle.modules if module.path.startswith(f"{folder}/")):
        raise ConfigurationError(
            f"{folder}: no package in it has a deny, warn or violation set, so it adds no rule",
            remedy="Write `deny contains row if { ... }`; keep libraries in a folder with rules.",
        )


def wire(setup: Setup, door: Door) -> Wired:
    """Load everything and connect it.

    Raises:
        ConfigurationError: as `load_policies`; a schema does not load; a selected rule does not exist; the OPA server
            has another bundle.
        ToolError: the OPA server does not answer.

    """
    bundle = load_policies(setup)
    schemas = SchemaSet.load(
        (
            definition
            for folder in (bundled("schemas"), *setup.schemas)
            for definition in workspace.read_schemas(folder)
        ),
        closed=frozenset({"ployd.ai"}),
    )
    selection = Selection(select=setup.select, ignore=setup.ignore)
    policy_rules = {rule.id: rule for rule in bundle.rules}
    selection.require_known(policy_rules)
    engine = Engine(
        schemas=schemas,
        rules=policy_rules,
        evaluator=_evaluator(bundle, setup),
        environments=EnvironmentMap.parse(bundle.data["ployd"]["environments"]),
        catalogue=capacity.catalogue(bundle.data["ployd"]),
        digest=_digest(bundle.digest, schemas.digest, selection),
        door=door,
        selection=selection,
    )
    others = (*documents.RULES, *SCHEMA_RULES, *repository.RULES)
    return Wired(engine=engine, bundle=bundle, rules={rule.id: rule for rule in others} | policy_rules)


def _evaluator(bundle: PolicyBundle, setup: Setup) -> RuleEvaluator:
    if setup.opa_url is None:
        return NativeEvaluator(bundle, time_limit_s=_TIME_LIMIT_S, on_print=setup.on_print)
    # Here, because its HTTP client takes longer to import than a small run takes.
    from ployd_policy.evaluators.opa import OpaEvaluator  # noqa: PLC0415

    return OpaEvaluator(bundle, url=setup.opa_url, timeout_s=setup.opa_timeout_s)


def _digest(bundle: str, schemas: str, selection: Selection) -> str:
    """One name for all a decision depends on; rules that were left out make another bundle."""
    parts = [bundle, schemas, sorted(selection.select), sorted(selection.ignore)]
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
