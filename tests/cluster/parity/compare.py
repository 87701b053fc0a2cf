"""Our verdict next to the API server's answer. Where they differ, `differences` says how, in words."""

import re
from dataclasses import dataclass
from typing import Any

from ployd_policy.crd import SchemaSet, SchemaVerdict, SchemaViolation
from ployd_policy.crd.judgement import NOT_CHECKED
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from tests.cluster.parity.server import Answer

Json = dict[str, Any]


@dataclass(frozen=True)
class Detail:
    """Where a path differs in a detail, on purpose. Taken or refused is never one."""

    name: str
    why: str


EXCEPTIONS = (
    Detail("placeless", "of anyOf, oneOf, allOf, not and of numbers out of range it names no field; we name it"),
    Detail("whole", "of labels, annotations, finalizers and ownerReferences it names the whole; we the entry"),
    Detail("rules", "that it ran no CEL rules it says in a cause without a field; we in `undecided`"),
    Detail("early", "what it cannot read or route (400, 404, 409) it refuses before validation, without a field"),
)

WITHOUT_PLACE = ("schema.any_of", "schema.one_of", "schema.all_of", "schema.not")
NAMES_THE_WHOLE = re.compile(r"^(.*metadata\.(?:labels|annotations|finalizers|ownerReferences)).*$")
NO_FIELD = "<nil>"
SERVER_SET = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "managedFields", "namespace",
    "resourceVersion", "selfLink", "uid",
)  # fmt: skip


def judge(schemas: SchemaSet, obj: Json, old: Json | None = None) -> SchemaVerdict:
    """Our verdict."""
    meta = obj.get("metadata") if isinstance(obj.get("metadata"), dict) else {}
    gvk = GroupVersionKind.parse(obj["apiVersion"], obj["kind"])
    ref = ObjectRef(gvk, str(meta.get("namespace", "")), str(meta.get("name", "")))
    return schemas.validate(Resource(ref=ref, object=obj), old_object=old)


def flat(path: str) -> str:
    """A path without the difference between `a.b` and `a[b]`: the API server writes now one, now the other."""
    return ".".join(filter(None, re.split(r'[\[\]".]+', path)))


def _theirs(field: str) -> str:
    return NAMES_THE_WHOLE.sub(r"\1", flat(field))


def _ours(violation: SchemaViolation) -> str:
    placeless = violation.rule in WITHOUT_PLACE or " value must be of type " in violation.message
    return NO_FIELD if placeless else _theirs(format_path(violation.path))


def differences(ours: SchemaVerdict, theirs: Answer) -> list[str]:
    """Nothing where both say the same."""
    found = []
    said = [f"{each.rule} {format_path(each.path)}: {each.message}" for each in ours.violations]
    if theirs.taken != (not ours.violations):
        found.append(f"taken: {theirs.taken} ({theirs.message}), ours {said}")
    unknown = {flat(format_path(each.path)) for each in ours.violations if each.rule == "schema.unknown_field"}
    if unknown != set(map(flat, theirs.unknown)):
        found.append(f"unknown fields: {sorted(theirs.unknown)}, ours {sorted(unknown)}")
    others = [each for each in ours.violations if each.rule != "schema.unknown_field"]
    if theirs.fields is None:
        if not others:
            found.append(f"refused without a field: {theirs.message}, ours {said}")
        return found
    fields = {_theirs(field) for field in theirs.fields}
    places = set(map(_ours, others)) | ({NO_FIELD} if NOT_CHECKED in ours.undecided else set())
    if fields != places:
        found.append(f"fields: {sorted(fields)} ({theirs.message}), ours {sorted(places)} {said}")
    if any(each != NOT_CHECKED for each in ours.undecided):
        found.append(f"undecided: {ours.undecided}")
    if theirs.stored is not None and not others and stored(theirs.stored) != stored(ours.object):
        found.append(f"stored: {stored(theirs.stored)}, ours {stored(ours.object)}")
    return found


def stored(obj: Json) -> Any:
    """The object without what the API server sets itself."""
    meta = {key: value for key, value in obj.get("metadata", {}).items() if key not in SERVER_SET}
    if "generateName" in meta:
        meta.pop("name", None)
    if meta.get("generation") == 1:
        meta.pop("generation")
    return as_go_prints({**obj, "metadata": meta})


def as_go_prints(value: Any) -> Any:
    """Whole numbers beyond 64 bits as floats: Go reads them so and prints them without an exponent."""
    if isinstance(value, dict):
        return {key: as_go_prints(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_go_prints(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(float(value)) if type(value) is int and abs(value) >= 2**63 else value
