"""One YAML document -> its JSON value, as Kubernetes reads it.

Works on events with a stack of its own, so that depth costs no recursion, aliases share values, and every bound is
checked before the memory is spent. It keeps no positions except those of problems: `yaml_places` finds the others for
the few documents that need them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from ployd_policy.documents import scalars
from ployd_policy.documents.limits import Limits
from ployd_policy.documents.problem import MAX_PROBLEMS, Problem, Reading, UnreadableError, shown
from ployd_policy.documents.scalars import MEANINGFUL_STARTS, ScalarError
from ployd_policy.documents.yaml_events import check_breaks, complaint, dropped_text, event_source, slash_escapes
from ployd_policy.documents.yaml_places import first_keys
from ployd_policy.model.finding import Severity

_KEY_NEXT = object()
_MERGE = object()
_LONG_TEXT = 64
_COLLECTION_TAGS = {MappingStartEvent: "tag:yaml.org,2002:map", SequenceStartEvent: "tag:yaml.org,2002:seq"}


def read_yaml(text: str, limits: Limits, nodes_left: int) -> Reading:
    """Read the one document in `text`. Total: whatever the text, the answer is a Reading."""
    reader = _Reader(limits, nodes_left)
    try:
        try:
            check_breaks(text)
            reading = reader.read(text)
        except yaml.YAMLError as error:
            raise complaint(error, text) from error
    except UnreadableError as error:
        reading = Reading(value=None, problems=(*reader.problems, error.problem), nodes=reader.nodes)
    repeated = {problem.start for problem in reading.problems if problem.rule == "yaml.duplicate_key"}
    if not repeated:
        return reading
    first = first_keys(text, repeated)
    problems = tuple(replace(problem, first=first.get(problem.start)) for problem in reading.problems)
    return replace(reading, problems=problems)


class _Reader:
    """The state of reading one document."""

    def __init__(self, limits: Limits, nodes_left: int) -> None:
        self.limits = limits
        self.nodes_left = nodes_left
        self.nodes = 0
        self.aliases = 0
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Any, int, int] | None] = {}
        """Name -> value, its nodes, its height; None while the anchored collection is still open."""
        self.merged: dict[int, tuple[dict[str, Any], set[str]]] = {}
        """Mappings with merge keys, by identity, and which of their keys came from there."""

    def read(self, text: str) -> Reading:
        next_event = event_source(text)
        event: Event = next_event()
        while event.__class__ is StreamStartEvent:
            event = next_event()
        if event.__class__ is StreamEndEvent:
            return Reading(value=None, empty=True)
        if isinstance(event, DocumentStartEvent) and event.version not in {None, (1, 1)}:
            self.stop("yaml.syntax", "Kubernetes reads YAML 1.1 only", event, "Remove the %YAML line.")
        value = self.compose(next_event)
        event = next_event()
        if event.__class__ is not StreamEndEvent:
            raise UnreadableError(dropped_text(event.start_mark.index if event.start_mark else 0))
        if "\\/" in text:
            self.problems.extend(slash_escapes(text)[:MAX_PROBLEMS])
        return Reading(value=value, problems=tuple(self.problems), nodes=self.nodes)

    def compose(self, next_event: Callable[[], Event]) -> Any:  # noqa: C901, PLR0912
        """The value of the document whose start was just read. One loop: a call an event would double its cost."""
        stack: list[tuple[Any, Any, str | None, int, int]] = []
        container: Any = []  # receives the root
        key: Any = None  # None in a list, _KEY_NEXT where a mapping expects a key
        height, nodes = 0, 0
        while True:
            event: Any = next_event()
            kind = event.__class__
            if kind is ScalarEvent:
                value = event.value
                nodes += 1 if len(value) < _LONG_TEXT else 1 + len(value) // _LONG_TEXT
                if not value or event.tag is not None or (event.implicit[0] and value[0] in MEANINGFUL_STARTS):
                    value = self.resolve(event, is_key=key is _KEY_NEXT)
                if event.anchor is not None:
                    self.anchors[event.anchor] = (value, 1 + len(event.value) // _LONG_TEXT, 0)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                self.enter(event, len(stack), nodes)
                stack.append((container, key, event.anchor, nodes, height))
                container, key = ({}, _KEY_NEXT) if kind is MappingStartEvent else ([], None)
                height = 0
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value, height = container, height + 1
                container, key, anchor, nodes_before, outer_height = stack.pop()
                if anchor is not None:
                    self.anchors[anchor] = (value, nodes - nodes_before + 1, height)
                height = max(height, outer_height)
            elif kind is AliasEvent:
                value, weight, value_height = self.alias(event, len(stack))
                nodes += weight
                height = max(height, value_height)
            else:
                self.nodes = nodes
                return container[0]
            if nodes > self.nodes_left:
                self.too_many(event)
            if key is None:
                container.append(value)
            elif key is _KEY_NEXT:
                plain = value.__class__ is str and value != "<<" and value not in container
                key = value if plain else self.key(container, value, event)
            else:
                if key is _MERGE:
                    self.merge(container, value, event)
                else:
                    container[key] = value
                key = _KEY_NEXT

    def enter(self, event: MappingStartEvent | SequenceStartEvent, depth: int, nodes: int) -> None:
        """Check the start of a mapping or list inside `depth` others."""
        if event.tag not in {None, "!", _COLLECTION_TAGS[event.__class__]}:
            self.refuse(scalars.unknown_tag(event.tag), event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if depth >= self.limits.depth:
            self.too_deep(event)
        if nodes > self.nodes_left:
            self.too_many(event)

    def resolve(self, event: ScalarEvent, *, is_key: bool) -> scalars.Scalar:
        """The value of a scalar that is not plainly text. A key keeps its float, so that it can be refused.

        A refused scalar counts as its text, as it does to Kubernetes where that takes it.
        """
        try:
            if event.tag is not None:
                value = scalars.resolve_tagged(event.tag, event.value)
            elif not event.implicit[0]:
                return event.value
            else:
                if event.value in scalars.AMBIGUOUS:
                    self.ambiguous(event)
                value = scalars.resolve_plain(event.value)
            return value if is_key else scalars.as_json(value)
        except ScalarError as error:
            self.refuse(error, event)
            return event.value

    def key(self, container: dict[str, Any], value: Any, event: Event) -> Any:
        """A key that is not plainly a new text."""
        if value == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
            return _MERGE
        try:
            # An anchored number has lost its spelling here, and with it the text it would be as a key.
            text = scalars.key_text(None if isinstance(event, AliasEvent) and isinstance(value, int) else value)
        except ScalarError as error:
            self.refuse(error, event)
            return event.value if isinstance(event, ScalarEvent) else ""
        if text in container:
            self.repeated(container, text, event)
        return text

    def alias(self, event: AliasEvent, depth: int) -> tuple[Any, int, int]:
        """What an alias stands for, its nodes and its height."""
        name = event.anchor or ""
        self.aliases += 1
        if self.aliases > self.limits.aliases:
            self.stop("yaml.alias_bomb", f"more than {self.limits.aliases} aliases in one document", event)
        if name not in self.anchors:
            self.stop("yaml.syntax", f"the alias *{shown(name)} has no anchor &{shown(name)} before it", event)
        target = self.anchors[name]
        if target is None:
            self.stop("yaml.cycle", f"the anchor &{shown(name)} contains itself", event, "Write the value out.")
        if depth + target[2] > self.limits.depth:
            self.too_deep(event)
        return target

    def merge(self, container: dict[str, Any], value: Any, event: Event) -> None:
        """Bring the keys of `<<` in, the way kubectl does: earlier mappings of a list win, keys written later win."""
        listed = isinstance(value, list) and event.__class__ is not AliasEvent
        sources = list(reversed(value)) if listed else [value]
        if not all(isinstance(source, dict) for source in sources):
            self.report("yaml.syntax", "a merge key << takes a mapping, or a list of mappings", event)
            return
        new = {key: value for source in sources for key, value in source.items()}
        rivals = container.keys() & new.keys()
        if rivals:
            self.report(
                "yaml.duplicate_key",
                f'the merge key << brings "{shown(min(rivals))}" again: kubectl takes this value, others the first',
                event,
                "Put << before the other keys of the mapping, and only once.",
            )
        container.update(new)
        self.merged.setdefault(id(container), (container, set()))[1].update(new)

    def repeated(self, container: dict[str, Any], key: str, event: Event) -> None:
        """A key that stands already in its mapping: a duplicate, unless it overrides a merged one."""
        came_by_merge = self.merged.get(id(container), (None, set[str]()))[1]
        if key in came_by_merge:
            came_by_merge.discard(key)
            return
        self.report(
            "yaml.duplicate_key",
            f'the key "{shown(key)}" stands twice in this mapping',
            event,
            "Remove one of the two: readers disagree about which of them counts.",
        )

    def ambiguous(self, event: ScalarEvent) -> None:
        meaning = "true" if scalars.resolve_plain(event.value) else "false"
        self.report(
            "yaml.ambiguous",
            f"{event.value} without quotes is {meaning} to Kubernetes, and a text to other readers",
            event,
            f'Write {meaning}, or "{event.value}" in quotes.',
            severity=Severity.WARNING,
        )

    def too_deep(self, event: Event) -> NoReturn:
        self.stop("yaml.too_deep", f"mappings and lists are nested more than {self.limits.depth} deep", event)

    def too_many(self, event: Event) -> NoReturn:
        rule = "yaml.alias_bomb" if self.aliases else "yaml.too_large"
        expanded = " once its aliases are written out" if self.aliases else ""
        self.stop(rule, f"the file holds more than {self.limits.nodes} keys and values{expanded}", event)

    def refuse(self, error: ScalarError, event: Event) -> None:
        self.report(error.rule, error.message, event, error.remedy)

    def report(
        self, rule: str, message: str, event: Event, remedy: str = "", *, severity: Severity = Severity.ERROR
    ) -> None:
        """Note a problem and read on; give up where there are too many to be useful."""
        problem = _problem(rule, message, event, remedy, severity)
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        elif severity is Severity.ERROR:
            raise UnreadableError(problem)

    def stop(self, rule: str, message: str, event: Event, remedy: str = "") -> NoReturn:
        """Give up at `event`."""
        raise UnreadableError(_problem(rule, message, event, remedy, Severity.ERROR))


def _problem(rule: str, message: str, event: Event, remedy: str, severity: Severity) -> Problem:
    start = event.start_mark.index if event.start_mark else 0
    end = event.end_mark.index if event.end_mark else start
    return Problem(rule=rule, message=message, start=start, end=end, severity=severity, remedy=remedy)
