"""One worker's share of a run: read its files, say what they hold, then decide them knowing everybody's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ployd_policy.engine import Engine, Inventory, InventoryObject
from ployd_policy.model.admission import creation
from ployd_policy.model.report import JudgedFile
from ployd_policy.model.source import SourceFile
from ployd_policy.repository.read import NamespaceLabels, Placement, ReadFile, namespace_labels, read

_PROGRESS_EVERY = 25


@dataclass(slots=True, kw_only=True)
class Share:
    """The files of one worker, step by step; each step is called once, in this order."""

    engine: Engine
    sources: Sequence[SourceFile]
    _files: list[ReadFile] = field(default_factory=list)
    _placed: list[tuple[InventoryObject, ...]] = field(default_factory=list)

    def survey(self) -> tuple[NamespaceLabels, ...]:
        """Read every file; return what its namespaces say of environments."""
        self._files = [read(source) for source in self.sources]
        return namespace_labels(self._files)

    def place(self, placement: Placement) -> tuple[InventoryObject, ...]:
        """Give every object its environment and cluster; return what the inventory keeps of them, in reading order."""
        self._placed = [placement.inventory(file) for file in self._files]
        return tuple(item for items in self._placed for item in items)

    def decide(
        self, inventory: Inventory, first: int, progress: Callable[[int], None] = lambda _files: None
    ) -> list[JudgedFile]:
        """Decide the objects of the files that are judged.

        Args:
            inventory: all objects of the run.
            first: id of this share's first object in it.
            progress: told now and then how many more files are done.

        """
        judged = []
        place = first
        for number, (file, items) in enumerate(zip(self._files, self._placed, strict=True), start=1):
            if file.source.judged:
                judged.append(self._judge(file, items, inventory, place))
            place += len(items)
            if number % _PROGRESS_EVERY == 0:
                progress(_PROGRESS_EVERY)
        progress(len(self._files) % _PROGRESS_EVERY)
        return judged

    def _judge(
        self, file: ReadFile, items: tuple[InventoryObject, ...], inventory: Inventory, first: int
    ) -> JudgedFile:
        decisions = tuple(
            self.engine.decide(
                creation(found.resource, environment=item.environment, source=found.source), inventory, first + offset
            )
            for offset, (found, item) in enumerate(zip(file.objects, items, strict=True))
        )
        return JudgedFile(file=file.source.file, decisions=decisions, findings=file.findings, skips=file.skips)
