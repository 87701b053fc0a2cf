"""A repository as a rollout to one environment sees it: what belongs to it, judged, and what is left aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ployd_policy import __version__, repository, workspace
from ployd_policy.assembly.files import Scope
from ployd_policy.assembly.wiring import Wired
from ployd_policy.environment import EnvironmentMap
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Severity
from ployd_policy.model.report import Report
from ployd_policy.model.source import SourceFile
from ployd_policy.repository.read import Placement, ReadFile, namespace_labels, read
from ployd_policy.rollout.plan import KINDS, Origin, Wanted, ordered
from ployd_policy.sdk.translate import GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything in the repository, also outside of what is deployed."""

    files: tuple[ReadFile, ...]
    unread: tuple[str, ...]
    """Files in which nobody knows what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A repository, judged for one environment."""

    environment: str
    environments: EnvironmentMap
    report: Report
    wanted: tuple[Wanted, ...]
    """What is to be deployed, in order; where not all of it is allowed, in the order of the files."""
    notes: tuple[str, ...]
    """What was left aside, a sentence each."""
    whole: Whole | None
    """None: nobody asked."""

    @property
    def allowed(self) -> bool:
        """Whether anything may be deployed at all."""
        return self.report.count(Severity.ERROR) == 0

    def kept(self) -> frozenset[tuple[str, str, str]]:
        """Kind, namespace and name of everything in the repository that may be of this environment.

        Raises:
            ConfigurationError: nobody knows what is in a file, or nobody asked for all of them.

        """
        if self.whole is None or self.whole.unread:
            shown = ", ".join(self.whole.unread) if self.whole is not None else "the repository"
            raise ConfigurationError(
                f"nothing can be pruned while nobody knows what is in {shown}",
                remedy="Mend the file, or leave out --prune.",
            )
        files = self.whole.files
        placement = Placement.of(self.environments, namespace_labels(files), None)
        refs = (
            item.resource.ref
            for file in files
            for item in file.objects
            if placement.environment(file.source, item.resource) in {None, self.environment}
        )
        return frozenset((ref.gvk.kind, ref.namespace, ref.name) for ref in refs)


def judge_environment(wired: Wired, scope: Scope, environment: str, *, whole: bool) -> Judged:
    """Judge everything that belongs to an environment.

    Args:
        wired: what judges.
        scope: the files; those of other environments only count as existing.
        environment: that of files that no mapping covers, too.
        whole: read all of the repository besides, so that `kept` can be told.

    Raises:
        ConfigurationError: nothing in the paths belongs to it, or something cannot be told apart.
        PloydPolicyError: as `check_files`.

    """
    own = workspace.open_workspace(scope.root, scope.paths, exclude=scope.exclude)
    others = [workspace.open_workspace(folder, (folder,), judged=False).files for folder in scope.inventory]
    files = [read(source) for source in own.files]
    placement = Placement.of(wired.engine.environments, namespace_labels(files), None)
    sources: list[SourceFile] = []
    aside = 0
    for file in files:
        elsewhere = file.source.judged and _is_elsewhere(file, placement, environment)
        aside += elsewhere
        sources.append(replace(file.source, judged=False) if elsewhere else file.source)
    paths = ", ".join(map(str, scope.paths))
    if not any(source.judged for source in sources):
        raise ConfigurationError(
            f"no file in {paths} belongs to {environment}",
            remedy="Name other paths, or map them under `environments` in .ployd-policy.yaml.",
        )
    question = repository.Question(
        sources=[*sources, *(source for part in others for source in part)],
        skips=own.skips,
        rules=wired.rules,
        tool_version=__version__,
        environment=environment,
        strict=scope.strict,
    )
    report = repository.judge(wired.engine, question)
    allowed = report.count(Severity.ERROR) == 0
    wanted = tuple(_wanted(report, scope.root))
    if not wanted and allowed:
        raise ConfigurationError(
            f"no {', '.join(KINDS)} in {paths} belongs to {environment}", remedy="Name a folder that has some."
        )
    return Judged(
        environment=environment,
        environments=wired.engine.environments,
        report=report,
        wanted=ordered(wanted) if allowed else wanted,
        notes=tuple(_notes(report, aside, len(wanted), environment)),
        whole=_whole(scope) if whole else None,
    )


def repository_of(root: Path) -> Path:
    """The work tree a folder is in; itself, outside of Git."""
    return (workspace.top_level(root) or root).resolve()


def _whole(scope: Scope) -> Whole:
    top = repository_of(scope.root)
    # Globs of the settings are from where these are.
    exclude = scope.exclude if scope.root.resolve() == top else ()
    found = workspace.open_workspace(top, (top,), exclude=exclude)
    files = tuple(read(source) for source in found.files)
    unread = [file.source.file for file in files if file.findings]
    unread += [skip.location.file for skip in found.skips if skip.location is not None]
    return Whole(files=files, unread=tuple(unread))


def _wanted(report: Report, root: Path) -> Iterator[Wanted]:
    """The objects that are deployed, each with where it comes from."""
    found = [
        (file.file, decision)
        for file in report.files
        for decision in file.decisions
        if decision.resource.ref.gvk.group == GROUP and decision.resource.ref.gvk.kind in KINDS
    ]
    changes = workspace.last_changes(root, {Path(file) for file, _ in found})
    for file, decision in found:
        change = changes.get(Path(file))
        commit, author = (change.commit, change.author) if change is not None else ("", "")
        yield Wanted(decision=decision, origin=Origin(file=file, commit=commit, author=author))


def _is_elsewhere(file: ReadFile, placement: Placement, environment: str) -> bool:
    """Whether a file belongs to another environment.

    Raises:
        ConfigurationError: a part of it does.

    """
    found = {placement.environment(file.source, item.resource) for item in file.objects}
    if not found:
        return placement.environments.of_path(file.source.path) not in {None, environment}
    foreign = found - {None, environment}
    if foreign and foreign != found:
        raise ConfigurationError(
            f"{file.source.file} has objects of {environment} and of {', '.join(sorted(map(str, foreign)))}",
            remedy="Write one environment a file.",
        )
    return bool(foreign)


def _notes(report: Report, aside: int, wanted: int, environment: str) -> Iterator[str]:
    if aside:
        yield f"{aside} file{'s' if aside > 1 else ''} of other environments than {environment} left aside"
    others = sum(1 for _ in report.decisions()) - wanted
    if others:
        yield f"{others} object{'s' if others > 1 else ''} of other kinds judged, and left to whoever applies them"
    skips = sum(1 for _ in report.skips())
    if skips:
        yield f"{skips} skipped while judging; `ployd-policy check --verbose` lists them"
    yield from report.warnings
