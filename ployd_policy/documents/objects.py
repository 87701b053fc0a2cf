"""One document -> the Kubernetes objects in it, each with its own places. Knows no kind; `items` makes a list.

kubectl reads everything with a top-level `items` as a list and applies the items, whatever the kind is called; so does
this, or an object could hide others from judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.documents.parsing import Document
from ployd_policy.documents.problem import shown
from ployd_policy.documents.source import ItemSource
from ployd_policy.documents.templates import foreign_reason
from ployd_policy.model.finding import Finding, Severity, Skip
from ployd_policy.model.location import FieldPath, Location, SourceMap
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInText:
    """An object and where it stands. Paths of `source` begin at the object, also for an item of a List."""

    resource: Resource
    source: SourceMap


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentObjects:
    """What one document holds. Each of its objects is in exactly one of the three."""

    objects: tuple[ObjectInText, ...] = ()
    findings: tuple[Finding, ...] = ()
    skips: tuple[Skip, ...] = ()


def objects(document: Document, *, file: str) -> DocumentObjects:
    """The objects of a document: one, the items of a List, or none and the reason.

    `file` is the path of the file; its name tells a chart's description and values from broken manifests.
    """
    reason = foreign_reason(document.value, file)
    if reason is not None:
        return DocumentObjects(skips=(Skip(reason=reason, location=document.source.locate(())),))
    collector = _Collector()
    if isinstance(document.value, Mapping):
        collector.take(document.value, document.source)
    else:
        what = "a list of objects" if isinstance(document.value, list) else "a single value"
        collector.refuse("yaml.not_an_object", f"the document is {what}, kubectl reads one mapping", document.source)
    return DocumentObjects(objects=tuple(collector.objects), findings=tuple(collector.findings))


class _Collector:
    """The objects and findings of one document."""

    def __init__(self) -> None:
        self.objects: list[ObjectInText] = []
        self.findings: list[Finding] = []

    def take(self, value: JsonObject, source: SourceMap) -> None:
        """Take one object, or the items of one list."""
        if value.get("items") is not None:
            self.take_items(value, source)
            return
        gvk = self.gvk(value, source)
        ref = None if gvk is None else self.ref(gvk, value, source)
        if ref is not None:
            self.objects.append(ObjectInText(resource=Resource(ref=ref, object=value), source=source))

    def take_items(self, value: JsonObject, source: SourceMap) -> None:
        """Take the items of a list; one without a type of its own has the list's, as at kubectl."""
        gvk, items = self.gvk(value, source), value["items"]
        if gvk is None:
            return
        if not isinstance(items, list):
            message = f"items of the {shown(gvk.kind)} is {_type_name(items)}, not a list"
            self.refuse("object.list", message, source, ("items",))
            return
        for index, item in enumerate(items):
            if not isinstance(item, Mapping):
                message = f"item {index} of the {shown(gvk.kind)} is {_type_name(item)}, not an object"
                self.refuse("object.list", message, source, ("items", index))
                continue
            item_kind = gvk.kind.removesuffix("List")
            if item_kind and not item.get("apiVersion") and not item.get("kind"):
                item = {**item, "apiVersion": gvk.api_version, "kind": item_kind}  # noqa: PLW2901
            self.take(item, ItemSource(source, ("items", index)))

    def gvk(self, value: JsonObject, source: SourceMap) -> GroupVersionKind | None:
        """The type, or None after saying what is missing of it."""
        faults = {field: _text_fault(value.get(field)) for field in ("apiVersion", "kind")}
        bad = [field for field, fault in faults.items() if fault]
        if bad:
            message = " and ".join(f"{field} {faults[field]}" for field in bad)
            self.refuse("object.kind_missing", message, source, (bad[0],))
            return None
        api_version = value["apiVersion"]
        if api_version.count("/") > 1:
            message = f"apiVersion {shown(api_version)} is not of the form group/version"
            self.refuse("object.kind_missing", message, source, ("apiVersion",))
            return None
        return GroupVersionKind.parse(api_version, value["kind"])

    def ref(self, gvk: GroupVersionKind, value: JsonObject, source: SourceMap) -> ObjectRef | None:
        """The identity, or None after saying what is wrong with it."""
        unnamed = ObjectRef(gvk, "", "")
        metadata = value.get("metadata")
        if metadata is not None and not isinstance(metadata, Mapping):
            message = f"metadata of the {shown(gvk.kind)} is {_type_name(metadata)}, not a mapping"
            self.refuse("object.metadata", message, source, ("metadata",), unnamed)
            return None
        metadata = metadata or {}
        good = True
        for field in ("name", "generateName", "namespace"):
            text = metadata.get(field)
            if text is not None and not isinstance(text, str):
                good = False
                message = f"metadata.{field} of the {shown(gvk.kind)} is {_type_name(text)}, not a text"
                self.refuse("object.metadata", message, source, ("metadata", field), unnamed)
        if not good:
            return None
        name = metadata.get("name") or metadata.get("generateName")
        if not name:
            message = f"the {shown(gvk.kind)} has no metadata.name"
            self.refuse("object.name_missing", message, source, ("metadata", "name"), unnamed)
            return None
        return ObjectRef(gvk, metadata.get("namespace") or "", name)

    def refuse(
        self, rule: str, message: str, source: SourceMap, path: FieldPath = (), ref: ObjectRef | None = None
    ) -> None:
        """Note an error at `path`."""
        location: Location = source.locate(path)
        self.findings.append(
            Finding(rule=rule, severity=Severity.ERROR, message=message, ref=ref, path=path, location=location)
        )


def _text_fault(value: Any) -> str:
    if isinstance(value, str):
        return "" if value else "is empty"
    return "is missing" if value is None else f"is {_type_name(value)}, not a text"


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if value is None:
        return "null"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"
