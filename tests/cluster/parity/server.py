"""What the real API server says to one object: taken or not, where, and what it would store."""

import copy
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from control_plane import ControlPlane

Json = dict[str, Any]

STRICT = "dryRun=All&fieldValidation=Strict"
LENIENT = "dryRun=All&fieldValidation=Ignore"
UNKNOWN = re.compile(r"unknown field (\"(?:[^\"\\]|\\.)*\")")


@dataclass(frozen=True)
class Answer:
    """One answer of the API server, with strict field validation."""

    taken: bool
    unknown: frozenset[str]
    """Fields that no schema names, as it writes them."""
    fields: frozenset[str] | None
    """Where everything else is wrong, as it writes it. None: the refusal names no field."""
    stored: Json | None
    """What would be stored without the unknown fields, where nothing else is wrong."""
    message: str


class Server:
    """Asks one control plane about objects of definitions that were installed there."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}
        self._namespaces = {"default"}
        self._statuses: dict[tuple[str, str], Any] = {}

    def install(self, definitions: list[Json]) -> None:
        """Create definitions and wait until all of them are served."""
        for definition in definitions:
            status, answer = self._plane.request("POST", _DEFINITIONS, definition)
            assert status == 201, answer
            spec = definition["spec"]
            kind = spec["group"], spec["names"]["kind"]
            self._plurals[kind] = spec["names"]["plural"], spec["scope"] == "Namespaced"
            schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
            self._statuses[kind] = schema.get("properties", {}).get("status", {}).get("default")
        for definition in definitions:
            _until(lambda definition=definition: self._established(definition["metadata"]["name"]))

    def tighten(self, definition: Json) -> None:
        """Put a definition in the place of its `loose` one; done when it refuses what that took."""
        spec = definition["spec"]
        version = next(each["name"] for each in spec["versions"] if each["served"])
        probe = {
            "apiVersion": f"{spec['group']}/{version}",
            "kind": spec["names"]["kind"],
            "metadata": {"name": "probe"},
            "takenBefore": True,
        }
        path = f"{_DEFINITIONS}/{definition['metadata']['name']}"
        status, now = self._plane.request("GET", path)
        assert status == 200, now
        status, answer = self._plane.request("PUT", path, {**now, "spec": {**now["spec"], **definition["spec"]}})
        assert status == 200, answer
        _until(lambda: not self.create(probe).taken)

    def _established(self, name: str) -> bool:
        _, now = self._plane.request("GET", f"{_DEFINITIONS}/{name}")
        conditions = now.get("status", {}).get("conditions", [])
        served = any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
        if not served:
            return False
        spec = now["spec"]
        version = next(each["name"] for each in spec["versions"] if each["served"])
        status, _ = self._plane.request("GET", f"/apis/{spec['group']}/{version}/{spec['names']['plural']}")
        return bool(status == 200)

    def create(self, obj: Json) -> Answer:
        """Its answer to the creation of an object; nothing is created."""
        answer = self._ask("POST", self._collection(obj), obj)
        group = obj["apiVersion"].rpartition("/")[0]
        default = self._statuses.get((group, obj["kind"]))
        if answer.stored is not None and default is not None and answer.stored.get("status") == default:
            # It is stored without a status; what comes back was read again, and reading fills the default in.
            answer.stored.pop("status")
        return answer

    def update(self, obj: Json, old: Json) -> Answer:
        """Its answer to the update of a stored object; nothing is updated."""
        return self._ask("PUT", f"{self._collection(old)}/{old['metadata']['name']}", obj)

    def keep(self, obj: Json) -> Json | None:
        """Create an object and return what is stored; None where it is refused."""
        status, answer = self._plane.request("POST", self._collection(obj), obj)
        return answer if status == 201 else None

    def read(self, obj: Json) -> Json:
        """A stored object as it is read now."""
        status, answer = self._plane.request("GET", f"{self._collection(obj)}/{obj['metadata']['name']}")
        assert status == 200, answer
        stored: Json = answer
        return stored

    def delete(self, obj: Json) -> None:
        """Delete an object; with finalizers it stays and is being deleted."""
        status, answer = self._plane.request("DELETE", f"{self._collection(obj)}/{obj['metadata']['name']}")
        assert status == 200, answer

    def _ask(self, method: str, path: str, obj: Json) -> Answer:
        status, answer = self._plane.request(method, f"{path}?{STRICT}", obj)
        unknown: frozenset[str] = frozenset()
        if status == 400 and "strict decoding error" in _message(answer):
            unknown = frozenset(json.loads(name) for name in UNKNOWN.findall(answer["message"]))
            assert unknown, answer["message"]
            status, answer = self._plane.request(method, f"{path}?{LENIENT}", obj)
        if status in (200, 201):
            return Answer(not unknown, unknown, frozenset(), answer, "")
        assert 400 <= status < 500, (status, answer)
        causes = answer.get("details", {}).get("causes") if isinstance(answer, dict) and status == 422 else None
        fields = None if causes is None else frozenset(cause["field"] for cause in causes)
        return Answer(False, unknown, fields, None, _message(answer))

    def _collection(self, obj: Json) -> str:
        group, _, version = obj["apiVersion"].rpartition("/")
        plural, namespaced = self._plurals.get((group, obj["kind"]), (f"{obj['kind'].lower()}s", True))
        base = f"/apis/{group}/{version}"
        if not namespaced:
            return f"{base}/{plural}"
        meta = obj.get("metadata")
        namespace = (meta.get("namespace") if isinstance(meta, dict) else None) or "default"
        return f"{base}/namespaces/{self._namespace(namespace)}/{plural}"

    def _namespace(self, name: Any) -> str:
        if not isinstance(name, str):
            return "default"
        if name not in self._namespaces:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self._plane.request("POST", "/api/v1/namespaces", body)
            self._namespaces.add(name)
        return quote(name, safe="")


_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def moved(definition: Json, group: str) -> Json:
    """The same definition in another group."""
    spec = {**definition["spec"], "group": group}
    return {**definition, "metadata": {"name": f"{spec['names']['plural']}.{group}"}, "spec": spec}


def loose(definition: Json) -> Json:
    """The same definition with a schema that takes everything, and without subresources."""
    out = copy.deepcopy(definition)
    for version in out["spec"]["versions"]:
        version["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version.pop("subresources", None)
    return out


def _message(answer: Any) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else str(answer)


def _until(holds: Any) -> None:
    for _ in _seconds(60):
        if holds():
            return
    raise AssertionError("the API server did not take a definition up within a minute")


def _seconds(limit: float) -> Iterator[float]:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        yield end
        time.sleep(0.05)
