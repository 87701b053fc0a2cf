"""A whole run: share the files out, build the inventory, decide, and make the Report.

Judging is the engine's; this module only brings the objects together. Effects are in `workers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ployd_policy.engine import Engine, Inventory
from ployd_policy.environment import NAMESPACE_LABEL
from ployd_policy.model.finding import Finding, RuleInfo, Skip
from ployd_policy.model.location import Location
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.model.source import SourceFile
from ployd_policy.repository.places import sharpen
from ployd_policy.repository.read import Placement
from ployd_policy.repository.share import Share
from ployd_policy.repository.strict import count_unknown, deny_unknown
from ployd_policy.repository.workers import crew

_T = TypeVar("_T")
_SHOWN = 3

# Below this many files a process costs more than it brings.
_FILES_WORTH_A_PROCESS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to judge and how."""

    sources: Sequence[SourceFile]
    rules: Mapping[str, RuleInfo]
    """Every rule that could speak, of every scope."""
    tool_version: str
    skips: Sequence[Skip] = ()
    """Files asked for that could not be read."""
    environment: str | None = None
    """For what no mapping covers."""
    strict: bool = False
    """A kind without a schema, and a check nobody could make, are errors."""
    jobs: int = 1


def judge(engine: Engine, question: Question, progress: Callable[[int], None] = lambda _files: None) -> Report:
    """Judge the files; `progress` is told how many more are done.

    Raises:
        ConfigurationError: the environment asked for contradicts the mapping.
        EvaluationError: the rules gave no usable answer for some object.
        ToolError: a worker process died.

    """
    shares = [Share(engine=engine, sources=part) for part in _parts(question.sources, question.jobs)]
    with crew(shares) as workers:
        labels = workers.everyone("survey", [()] * len(shares), progress)
        placement = Placement.of(engine.environments, _flat(labels), question.environment)
        placed = workers.everyone("place", [(placement,)] * len(shares), progress)
        inventory = Inventory.build(_flat(placed), engine.environments.order)
        firsts = [sum(map(len, placed[:number])) for number in range(len(shares))]
        files = _flat(workers.everyone("decide", [(inventory, first) for first in firsts], progress))
    files = sharpen(count_unknown(deny_unknown(files) if question.strict else files), question.sources)
    shown = {location.file for file in files for finding in file.all_findings() for location in _places(finding)}
    return Report(
        tool_version=question.tool_version,
        bundle=engine.digest,
        rules=question.rules,
        files=(*files, *(_unread(skip) for skip in question.skips)),
        warnings=tuple(_warnings(files)),
        excerpts={s.file: s.data.decode("utf-8", "replace") for s in question.sources if s.file in shown},
    )


def _parts(sources: Sequence[SourceFile], jobs: int) -> list[Sequence[SourceFile]]:
    """Contiguous shares, so that ids run in reading order across them."""
    count = max(1, min(jobs, len(sources) // _FILES_WORTH_A_PROCESS))
    bounds = [len(sources) * number // count for number in range(count + 1)]
    return [sources[bounds[number] : bounds[number + 1]] for number in range(count)]


def _flat(parts: Iterable[Iterable[_T]]) -> list[_T]:
    return [item for part in parts for item in part]


def _places(finding: Finding) -> Iterator[Location]:
    for location in (finding.location, *(related.location for related in finding.related)):
        if location is not None:
            yield location


def _unread(skip: Skip) -> JudgedFile:
    return JudgedFile(file=skip.location.file if skip.location is not None else "", skips=(skip,))


def _warnings(files: Sequence[JudgedFile]) -> Iterator[str]:
    homeless = [file.file for file in files if any(not d.receipt.environment for d in file.decisions)]
    if homeless:
        shown = ", ".join(homeless[:_SHOWN]) + (", ..." if len(homeless) > _SHOWN else "")
        yield (
            f"{len(homeless)} file{'s' if len(homeless) > 1 else ''} with objects of no environment, judged by the "
            f"strictest level: {shown}. Map them under `environments` in .ployd-policy.yaml, label their namespace "
            f"{NAMESPACE_LABEL}, or name one with --environment."
        )
