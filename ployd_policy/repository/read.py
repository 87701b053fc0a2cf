"""Phase one: text to objects, and the place of each object among environments and clusters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ployd_policy import documents
from ployd_policy.documents import ObjectInText
from ployd_policy.engine.inventory import InventoryObject, inventory_object
from ployd_policy.environment import NAMESPACE_LABEL, EnvironmentMap
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Finding, Skip
from ployd_policy.model.location import Location
from ployd_policy.model.resource import Resource
from ployd_policy.model.source import SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file with its objects."""

    source: SourceFile
    objects: tuple[ObjectInText, ...]
    findings: tuple[Finding, ...]
    skips: tuple[Skip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceLabels:
    """What a Namespace object says of its environment; enough to resolve others without holding them."""

    name: str
    environment: str


def read(source: SourceFile) -> ReadFile:
    """Read one file. Whatever is wrong with its text becomes a finding."""
    if source.skip:
        skip = Skip(reason=source.skip, location=Location(file=source.file), hides=True)
        return ReadFile(source=source, objects=(), findings=(), skips=(skip,))
    parsed = documents.parse(source.data, file=source.file, in_chart=source.helm_template)
    parts = [documents.objects(document, file=source.file) for document in parsed.documents]
    return ReadFile(
        source=source,
        objects=tuple(item for part in parts for item in part.objects),
        findings=parsed.findings + tuple(finding for part in parts for finding in part.findings),
        skips=parsed.skips + tuple(skip for part in parts for skip in part.skips),
    )


def namespace_labels(files: Iterable[ReadFile]) -> tuple[NamespaceLabels, ...]:
    """Every Namespace of the files that carries the environment label."""
    found = []
    for file in files:
        for item in file.objects:
            label = _label(item.resource) if _is_namespace(item.resource) else None
            if label is not None:
                found.append(NamespaceLabels(name=item.resource.ref.name, environment=label))
    return tuple(found)


def _is_namespace(resource: Resource) -> bool:
    return resource.ref.gvk.kind == "Namespace" and not resource.ref.gvk.group


def _label(resource: Resource) -> str | None:
    metadata = resource.object.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    label = labels.get(NAMESPACE_LABEL) if isinstance(labels, Mapping) else None
    return label if isinstance(label, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Resolves where objects belong."""

    environments: EnvironmentMap
    labels: Mapping[str, str]
    """Namespace name -> environment its label names."""
    asked: str | None
    """The environment the caller names for what no mapping covers."""

    @classmethod
    def of(cls, environments: EnvironmentMap, labels: Iterable[NamespaceLabels], asked: str | None) -> Placement:
        """A placement that knows these namespaces.

        Two Namespaces of one name that name different environments cancel out: what only they could place is judged
        by the strictest level.
        """
        known: dict[str, str] = {}
        for item in labels:
            known[item.name] = item.environment if known.get(item.name, item.environment) == item.environment else ""
        return cls(environments=environments, labels=known, asked=asked)

    def environment(self, source: SourceFile, resource: Resource) -> str | None:
        """The environment of one object.

        Raises:
            ConfigurationError: the caller named another one than the mapping does.

        """
        ref = resource.ref
        namespace = ref.name if _is_namespace(resource) else ref.namespace
        labels = {NAMESPACE_LABEL: self.labels[namespace]} if namespace in self.labels else {}
        mapped = self.environments.of_path(source.path) or self.environments.of_namespace(namespace, labels)
        if source.judged and mapped is not None and self.asked is not None and mapped != self.asked:
            raise ConfigurationError(
                f"{source.file}: {ref} belongs to environment {mapped}, but --environment says {self.asked}",
                remedy=f"Leave --environment out, or judge the files of {mapped} apart.",
            )
        return mapped or self.asked

    def inventory(self, file: ReadFile) -> tuple[InventoryObject, ...]:
        """What the inventory keeps of a file's objects, in reading order."""
        cluster = self.environments.cluster_of(file.source.path)
        return tuple(
            inventory_object(
                item.resource.ref,
                item.resource.object,
                environment=self.environment(file.source, item.resource),
                cluster=cluster,
                file=file.source.file,
            )
            for item in file.objects
        )
