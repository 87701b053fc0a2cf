"""Runs over files: options become a Report or a Plan, with everything that has to be constructed for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ployd_policy import __version__, capacity, repository, workspace
from ployd_policy.assembly.wiring import Setup, Wired, wire
from ployd_policy.engine import Door
from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.model.decision import Decision
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Severity, Skip
from ployd_policy.model.report import Report
from ployd_policy.model.source import SourceFile
from ployd_policy.report import Plan, PlannedObject
from ployd_policy.sdk.calls import Translation
from ployd_policy.sdk.translate import GROUP, translate
from ployd_policy.serving import plans_for


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


def translate_files(setup: Setup, scope: Scope) -> tuple[tuple[Decision, Translation], ...]:
    """The SDK calls that the resources of some files lead to, each with its decision.

    Raises:
        ConfigurationError: there is no resource of ours in the files, or a field has no place in a call.
        PloydPolicyError: as `check_files`.

    """
    wired = wire(setup, Door.REPOSITORY)
    report = check_with(wired, scope)
    found = tuple(
        (
            decision,
            translate(
                decision.resource, wired.framework_defaults, wired.engine.schemas.validate(decision.resource).object
            ),
        )
        for decision in report.decisions()
        if decision.resource.ref.gvk.group == GROUP
    )
    if not found:
        unread = next((finding for finding in report.findings() if finding.ref is None), None)
        if unread is not None:
            raise ConfigurationError(f"{unread.location}: {unread.message}", remedy=unread.remedy)
        raise ConfigurationError(
            f"no resource of {GROUP} in {', '.join(map(str, scope.paths))}", remedy="Name a file that has one."
        )
    return found


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
