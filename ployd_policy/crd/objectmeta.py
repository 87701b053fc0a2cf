"""The metadata every object has.

Read as the API server reads it, and checked by its rules for names, labels and the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Any

from ployd_policy.crd.gotext import quote, shown
from ployd_policy.crd.names import dns_label, dns_subdomain, label_value, path_segment, qualified_name
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.model.location import FieldPath

RULE = "schema.metadata"


class Naming(Enum):
    """What a name must be."""

    SUBDOMAIN = auto()
    """A DNS subdomain, as for custom resources and most kinds."""
    LABEL = auto()
    """A DNS label: no dots, at most 63 bytes."""
    SEGMENT = auto()
    """There, neither `.` nor `..`, and without `/` and `%`."""
    OPTIONAL = auto()
    """The same where there is one, as in embedded resources."""


_STRICT: Mapping[Naming, Callable[[str], list[str]]] = {Naming.SUBDOMAIN: dns_subdomain, Naming.LABEL: dns_label}
_TIME = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d+)?(?:[Zz]|[+-]\d{2}:\d{2})",
    re.ASCII,
)
LARGEST_ANNOTATIONS = 256 * 1024
LONGEST_MANAGER = 128
LONGEST_SUBRESOURCE = 256

Scalar = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_whole(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _is_time(value: Any) -> bool:
    return type(value) is str and _TIME.fullmatch(value) is not None


_TEXT_FIELDS = ("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion")
SCALARS: Mapping[str, tuple[str, Scalar]] = {
    **dict.fromkeys(_TEXT_FIELDS, ("string", _is_text)),
    "generation": ("whole number", _is_whole),
    "deletionGracePeriodSeconds": ("whole number", _is_whole),
    "creationTimestamp": ("RFC 3339 time", _is_time),
    "deletionTimestamp": ("RFC 3339 time", _is_time),
}
OWNER: Mapping[str, tuple[str, Scalar]] = {
    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), ("string", _is_text)),
    **dict.fromkeys(("controller", "blockOwnerDeletion"), ("boolean", _is_flag)),
}
MANAGED: Mapping[str, tuple[str, Scalar]] = {
    **dict.fromkeys(("manager", "operation", "apiVersion", "fieldsType", "subresource"), ("string", _is_text)),
    "time": ("RFC 3339 time", _is_time),
    "fieldsV1": ("object", lambda value: isinstance(value, Mapping)),
}
FIELDS = frozenset({*SCALARS, "labels", "annotations", "ownerReferences", "finalizers", "managedFields"})


class MetadataReader:
    """Reads one metadata object.

    Fields that the API server does not know go to `unknown`, values it cannot read to `problems`.
    """

    def __init__(self) -> None:
        self.unknown: list[FieldPath] = []
        self.problems: list[Problem] = []

    def read(self, value: Any, path: FieldPath) -> dict[str, Any]:
        """The metadata as the API server would store it: nulls and empty values gone, unreadable values left out."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._wrong(path, "object", value)
            return {}
        out: dict[str, Any] = {}
        for key, member in value.items():
            kept = self._field(key, member, (*path, key))
            if kept not in (None, "", {}, []) and (key, kept) != ("generation", 0):
                out[key] = kept
        return out

    def _field(self, key: str, value: Any, path: FieldPath) -> Any:
        if key not in FIELDS:
            self.unknown.append(path)
            return None
        if value is None:
            return None
        if key in SCALARS:
            return self._scalar(SCALARS[key], value, path)
        if key in ("labels", "annotations"):
            return self._texts(value, path)
        if not isinstance(value, list):
            return self._wrong(path, "list", value)
        if key == "finalizers":
            return [self._scalar(("string", _is_text), item, (*path, at)) or "" for at, item in enumerate(value)]
        known = OWNER if key == "ownerReferences" else MANAGED
        return [self._struct(item, known, (*path, at)) for at, item in enumerate(value)]

    def _scalar(self, expected: tuple[str, Scalar], value: Any, path: FieldPath) -> Any:
        if value is None or expected[1](value):
            return value
        return self._wrong(path, expected[0], value)

    def _texts(self, value: Any, path: FieldPath) -> dict[str, str] | None:
        if not isinstance(value, Mapping):
            self._wrong(path, "object", value)
            return None
        return {key: self._scalar(("string", _is_text), member, (*path, key)) or "" for key, member in value.items()}

    def _struct(self, value: Any, known: Mapping[str, tuple[str, Scalar]], path: FieldPath) -> dict[str, Any]:
        out: dict[str, Any] = {"apiVersion": "", "kind": "", "name": "", "uid": ""} if known is OWNER else {}
        if value is None:
            return out
        if not isinstance(value, Mapping):
            self._wrong(path, "object", value)
            return out
        for key, member in value.items():
            if key not in known:
                self.unknown.append((*path, key))
                continue
            kept = self._scalar(known[key], member, (*path, key))
            if kept is not None and (kept != "" or known is OWNER):
                out[key] = kept
        return out

    def _wrong(self, path: FieldPath, expected: str, value: Any) -> None:
        text = f"Invalid value: {shown(value)}: must be {'an' if expected[0] in 'aeiouR' else 'a'} {expected}"
        simple = expected == "string" and isinstance(value, (int, float, bool))
        remedy = f'Put the value in quotes: "{shown(value)}".' if simple else f"Write a value of type {expected} here."
        self.problems.append(Problem(RULE, Cause.INVALID, path, text, remedy))


def check_metadata(meta: Mapping[str, Any], path: FieldPath, *, naming: Naming) -> Iterator[Problem]:
    """What ValidateObjectMeta would say about metadata that `MetadataReader` returned."""
    yield from _names(meta, path, naming)
    namespace = meta.get("namespace", "")
    if namespace:
        yield from _each_invalid((*path, "namespace"), namespace, dns_label(namespace))
    if meta.get("generation", 0) < 0:
        yield _invalid(
            (*path, "generation"),
            meta["generation"],
            "must be greater than or equal to 0",
            "Remove it: the API server sets it.",
        )
    for key, value in meta.get("labels", {}).items():
        # The API server names the map as a whole; the key is the place an author looks for.
        yield from _each_invalid((*path, "labels", key), key, qualified_name(key), what="label key")
        yield from _each_invalid((*path, "labels", key), value, label_value(value), what="label value")
    for key, check in _CHECKS.items():
        if key in meta:
            yield from check(meta[key], (*path, key))


def _names(meta: Mapping[str, Any], path: FieldPath, naming: Naming) -> Iterator[Problem]:
    name, generate = meta.get("name", ""), meta.get("generateName", "")
    strict = _STRICT.get(naming)
    if generate:
        # A trailing dash is fine in a prefix.
        prefix = f"{generate[:-2]}a" if generate.endswith("-") and len(generate) > 1 else generate
        why = strict(prefix) if strict else path_segment(generate, prefix=True)
        yield from _each_invalid((*path, "generateName"), generate, why)
    if name:
        yield from _each_invalid((*path, "name"), name, strict(name) if strict else path_segment(name))
    elif naming is not Naming.OPTIONAL and not generate:
        text = "Required value: name or generateName is required"
        yield Problem(RULE, Cause.REQUIRED, (*path, "name"), text, "Give the object a name.")


def _annotations(annotations: Mapping[str, str], path: FieldPath) -> Iterator[Problem]:
    size = 0
    for key, value in annotations.items():
        size += len(key.encode(errors="replace")) + len(value.encode(errors="replace"))
        yield from _each_invalid((*path, key), key, qualified_name(key.lower()), what="annotation key")
    if size > LARGEST_ANNOTATIONS:
        text = f"Too long: may not be more than {LARGEST_ANNOTATIONS} bytes"
        yield Problem(
            RULE, Cause.TOO_LONG, path, text, f"Move data elsewhere: all annotations together have {size} bytes."
        )


def _owners(owners: list[Mapping[str, Any]], path: FieldPath) -> Iterator[Problem]:
    controllers = []
    for at, owner in enumerate(owners):
        version = owner["apiVersion"].rpartition("/")[2]
        for key, value in (
            ("apiVersion", version),
            ("kind", owner["kind"]),
            ("name", owner["name"]),
            ("uid", owner["uid"]),
        ):
            if not value or (key == "apiVersion" and owner[key].count("/") > 1):
                yield _invalid(
                    (*path, at, key),
                    owner[key],
                    "version must not be empty" if key == "apiVersion" else "must not be empty",
                    f"Fill in {key}.",
                )
        if owner["apiVersion"] == "v1" and owner["kind"] == "Event":
            yield _invalid(
                (*path, at), dict(owner), "/v1, Kind=Event is disallowed from being an owner", "Remove this owner."
            )
        if owner.get("controller"):
            controllers.append(f"{owner['kind']}/{owner['name']}")
    for other in controllers[1:]:
        text = (
            "Only one reference can have Controller set to true. "
            f'Found "true" in references for {controllers[0]} and {other}'
        )
        yield _invalid(path, [dict(owner) for owner in owners], text, "Set controller: true for one owner only.")


def _finalizers(finalizers: list[str], path: FieldPath) -> Iterator[Problem]:
    for at, finalizer in enumerate(finalizers):
        yield from _each_invalid((*path, at), finalizer, qualified_name(finalizer), what="finalizer")
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        yield _invalid(
            path, list(finalizers), "finalizer orphan and foregroundDeletion cannot be both set", "Keep one of them."
        )


def _managed(entries: list[Mapping[str, Any]], path: FieldPath) -> Iterator[Problem]:
    remedy = "Remove managedFields: the API server writes it."
    for at, entry in enumerate(entries):
        if entry.get("operation", "") not in ("Apply", "Update"):
            yield _invalid((*path, at, "operation"), entry.get("operation", ""), "must be `Apply` or `Update`", remedy)
        if entry.get("fieldsType", "FieldsV1") != "FieldsV1":
            yield _invalid((*path, at, "fieldsType"), entry["fieldsType"], "must be `FieldsV1`", remedy)
        manager = entry.get("manager", "")
        if len(manager.encode(errors="replace")) > LONGEST_MANAGER:
            yield Problem(
                RULE,
                Cause.TOO_LONG,
                (*path, at, "manager"),
                f"Too long: may not be more than {LONGEST_MANAGER} bytes",
                remedy,
            )
        if not manager.isprintable():
            yield _invalid((*path, at, "manager"), manager, "should only contain printable characters", remedy)
        if len(entry.get("subresource", "").encode(errors="replace")) > LONGEST_SUBRESOURCE:
            yield Problem(
                RULE,
                Cause.TOO_LONG,
                (*path, at, "subresource"),
                f"Too long: may not be more than {LONGEST_SUBRESOURCE} bytes",
                remedy,
            )


_CHECKS: Mapping[str, Callable[[Any, FieldPath], Iterator[Problem]]] = {
    "annotations": _annotations,
    "ownerReferences": _owners,
    "finalizers": _finalizers,
    "managedFields": _managed,
}


def _invalid(path: FieldPath, value: Any, text: str, remedy: str) -> Problem:
    return Problem(RULE, Cause.INVALID, path, f"Invalid value: {shown(value)}: {text}", remedy)


def _each_invalid(path: FieldPath, value: str, texts: list[str], *, what: str = "name") -> Iterator[Problem]:
    for text in texts:
        yield _invalid(path, value, text, f"Change the {what} {quote(value)}.")
