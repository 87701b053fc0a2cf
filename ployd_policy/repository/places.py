"""Lines for places that were found without their text at hand: another object's, or a whole run's. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ployd_policy.model.finding import Finding, Related
from ployd_policy.model.location import FieldPath, Location, SourceMap
from ployd_policy.model.report import JudgedFile
from ployd_policy.model.resource import ObjectRef
from ployd_policy.model.source import SourceFile
from ployd_policy.repository.read import read


def sharpen(files: Sequence[JudgedFile], sources: Sequence[SourceFile]) -> list[JudgedFile]:
    """The files with a line and column for every place of an object that names only its file.

    Few findings need it, so their files are read again rather than every object's lines kept for the whole run.
    """
    places = _Places({source.file: source for source in sources})
    return [
        dataclasses.replace(
            file,
            decisions=tuple(
                dataclasses.replace(d, findings=tuple(map(places.finding, d.findings))) if d.findings else d
                for d in file.decisions
            ),
        )
        for file in files
    ]


class _Places:
    def __init__(self, sources: dict[str, SourceFile]) -> None:
        self._sources = sources
        self._maps: dict[str, dict[ObjectRef, SourceMap]] = {}

    def finding(self, finding: Finding) -> Finding:
        related = tuple(map(self._related, finding.related))
        location = self._sharp(finding.location, finding.ref, finding.path)
        if location is finding.location and related == finding.related:
            return finding
        return dataclasses.replace(finding, location=location, related=related)

    def _related(self, related: Related) -> Related:
        path = related.path or ("metadata", "name")
        return dataclasses.replace(related, location=self._sharp(related.location, related.ref, path))

    def _sharp(self, location: Location | None, ref: ObjectRef | None, path: FieldPath) -> Location | None:
        if location is None or location.span is not None or ref is None or location.file not in self._sources:
            return location
        if location.file not in self._maps:
            objects = read(self._sources[location.file]).objects
            # Reversed, so that of two objects with one identity the first stays.
            self._maps[location.file] = {item.resource.ref: item.source for item in reversed(objects)}
        source_map = self._maps[location.file].get(ref)
        return source_map.locate(path) if source_map is not None else location
