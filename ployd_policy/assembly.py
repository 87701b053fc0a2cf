"""The one place that names concrete classes: options and settings become a wired engine, and a run becomes a Report.

It reads files through `workspace` and constructs; it judges nothing and prints nothing.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ployd_policy import __version__, capacity, documents, repository, workspace
from ployd_policy.crd import RULES as SCHEMA_RULES
from ployd_policy.crd import SchemaSet
from ployd_policy.engine import Door, Engine, Selection
from ployd_policy.environment import EnvironmentMap, overlay, require_known_parameters
from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import RuleInfo, Severity, Skip
from ployd_policy.model.report import Report
from ployd_policy.model.source import SourceFile
from ployd_policy.ports import RuleEvaluator
from ployd_policy.rego import PolicyBundle, load_bundle
from ployd_policy.report import Plan, PlannedObject
from ployd_policy.serving import plans_for

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
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    opa_url: str | None = None
    """An OPA server runs the rules; None: the embedded engine does."""
    on_print: Callable[[str], None] = lambda _line: None
    """Gets what policies `print` in the embedded engine; a server has a log of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a run of `check` is about."""

    root: Path
    paths: tuple[Path, ...]
    standard_input: bytes | None = None
    changed_since: str | None = None
    inventory: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    kustomize: tuple[Path, ...] = ()
    helm: tuple[Path, ...] = ()
    values: tuple[Path, ...] = ()
    environment: str | None = None
    strict: bool = False
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A loaded bundle with its engine."""

    engine: Engine
    bundle: PolicyBundle
    rules: Mapping[str, RuleInfo]
    """Every rule that can speak: of text, schema and policies."""


def bundled(name: str) -> Path:
    """A folder of package data: `policies`, `schemas` or `examples`."""
    return Path(str(importlib.resources.files("ployd_policy.bundled").joinpath(name)))


def load_policies(setup: Setup) -> PolicyBundle:
    """The bundled policies and data, with the setup's folders and environments.

    Raises:
        ConfigurationError: a folder is missing or empty, data has the wrong shape.
        BundleError: a policy does not load.

    """
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


def check_files(
    setup: Setup,
    scope: Scope,
    *,
    total: Callable[[int], None] = lambda _files: None,
    progress: Callable[[int], None] = lambda _files: None,
) -> Report:
    """Judge files and return everything found.

    Args:
        setup: rules, schemas and engine.
        scope: the files.
        total: told how many files there are.
        progress: told how many more are done.

    Raises:
        PloydPolicyError: nothing may be taken as allowed; see its subclasses.

    """
    return check_with(wire(setup, Door.REPOSITORY), scope, total=total, progress=progress)


def check_with(
    wired: Wired,
    scope: Scope,
    *,
    total: Callable[[int], None] = lambda _files: None,
    progress: Callable[[int], None] = lambda _files: None,
) -> Report:
    """Like `check_files`, with an engine that is wired already."""
    sources, skips = _sources(scope)
    total(len(sources))
    question = repository.Question(
        sources=sources,
        skips=skips,
        rules=wired.rules,
        tool_version=__version__,
        environment=scope.environment,
        strict=scope.strict,
        # A server answers one connection after the other; forked copies of it would share a socket.
        jobs=scope.jobs if isinstance(wired.engine.evaluator, NativeEvaluator) else 1,
    )
    return repository.judge(wired.engine, question, progress)


def plan_files(setup: Setup, scope: Scope, gpus: Sequence[str] = ()) -> Plan:
    """What the model servers of some files take, with what policies say of their objects.

    Args:
        setup: rules, schemas, engine and catalogues.
        scope: the files.
        gpus: other GPUs to plan for, by any of their names.

    Raises:
        ConfigurationError: there is no model server in the files, or no GPU of such a name.
        PloydPolicyError: as `check_files`.

    """
    wired = wire(setup, Door.REPOSITORY)
    known = wired.engine.catalogue
    for name in gpus:
        gpu = capacity.find_gpu(known, name)
        if isinstance(gpu, capacity.Unknown):
            raise ConfigurationError(f"--gpu {name}: no GPU is called that", remedy=gpu.remedy)
    report = check_with(wired, scope)
    unread = tuple(finding for file in report.files for finding in file.findings if finding.severity is Severity.ERROR)
    planned = [
        PlannedObject(decision=decision, plans=plans)
        for decision in report.decisions()
        if (plans := plans_for(decision.resource.object, known, gpus))
    ]
    if not planned:
        if unread:
            raise ConfigurationError(f"{unread[0].location}: {unread[0].message}", remedy=unread[0].remedy)
        raise ConfigurationError(
            f"no object in {', '.join(map(str, scope.paths))} runs vLLM",
            remedy="Name a file with a ModelDeployment of framework vllm, or a pod that runs it.",
        )
    return Plan(
        tool_version=__version__,
        currency=str(known.prices.get("currency", "")),
        example_prices=bool(known.prices.get("example")),
        objects=tuple(planned),
        unread=unread,
    )


def _evaluator(bundle: PolicyBundle, setup: Setup) -> RuleEvaluator:
    if setup.opa_url is None:
        return NativeEvaluator(bundle, time_limit_s=_TIME_LIMIT_S, on_print=setup.on_print)
    # Here, because its HTTP client takes longer to import than a small run takes.
    from ployd_policy.evaluators.opa import OpaEvaluator  # noqa: PLC0415

    return OpaEvaluator(bundle, url=setup.opa_url, timeout_s=_OPA_TIMEOUT_S)


def _sources(scope: Scope) -> tuple[list[SourceFile], tuple[Skip, ...]]:
    only = None
    if scope.changed_since is not None:
        only = workspace.changed_files(scope.root, scope.changed_since)
    sources: list[SourceFile] = []
    skips: list[Skip] = []
    if scope.paths:
        own = workspace.open_workspace(scope.root, scope.paths, only=only, exclude=scope.exclude)
        sources += own.files
        skips += own.skips
    for folder in scope.inventory:
        if not folder.is_dir():
            raise ConfigurationError(f"--inventory {folder}: no such folder")
        other = workspace.open_workspace(folder, (folder,), judged=False)
        sources += other.files
        skips += other.skips
    sources += [workspace.kustomize_build(folder, path=_below(folder, scope.root)) for folder in scope.kustomize]
    sources += [
        workspace.helm_template(chart, path=_below(chart, scope.root), values=scope.values) for chart in scope.helm
    ]
    if scope.standard_input is not None:
        if not scope.standard_input.strip():
            raise ConfigurationError(
                "standard input is empty", remedy="What should have written to it may have failed."
            )
        sources.append(SourceFile(file="<stdin>", path="<stdin>", data=scope.standard_input))
    return sources, tuple(skips)


def _below(path: Path, root: Path) -> str:
    absolute, base = path.resolve(), root.resolve()
    return absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else path.name


def _digest(bundle: str, schemas: str, selection: Selection) -> str:
    """One name for all a decision depends on; rules that were left out make another bundle."""
    parts = [bundle, schemas, sorted(selection.select), sorted(selection.ignore)]
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
