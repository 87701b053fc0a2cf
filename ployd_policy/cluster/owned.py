"""Objects that were made for a resource, and the resource each belongs to: whoever changes one wakes its owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ployd_policy.cluster.connection import Connection
from ployd_policy.cluster.reflector import Reflector, not_listed, whole
from ployd_policy.model.resource import JsonObject


class Owned:
    """Watches of the objects that carry a label, by the path of their collection over all namespaces."""

    def __init__(
        self,
        connection: Connection,
        kinds: Sequence[tuple[str, str, str]],
        *,
        selector: str,
        owner: str,
        changed: Callable[[str, str], None],
    ) -> None:
        """Start to watch.

        Args:
            connection: to the API server.
            kinds: apiVersion, kind and plural of each.
            selector: of the label.
            owner: kind of the resources they belong to.
            changed: told namespace and name of the owner of each that comes, goes or changes, from other threads.

        """
        self._owner = owner
        self._changed = changed
        self._reflectors = {
            kind: Reflector(
                connection,
                f"{_root(version)}/{plural}",
                keep=partial(whole, version, kind),
                changed=self._tell,
                selector=selector,
                index=_uids,
            )
            for version, kind, plural in kinds
        }
        for reflector in self._reflectors.values():
            reflector.start()

    @property
    def listed(self) -> bool:
        """Whether everything was seen once."""
        return all(reflector.listed for reflector in self._reflectors.values())

    def why_not_listed(self) -> str:
        """What keeps it from having seen everything once; empty where nothing does."""
        return not_listed(self._reflectors.values())

    def object(self, kind: str, namespace: str, name: str) -> JsonObject | None:
        """One of them, as it was last heard of."""
        return self._reflectors[kind].object((namespace, name))

    def of(self, namespace: str, uid: str) -> list[JsonObject]:
        """Those that belong to the resource with this uid."""
        return [
            item
            for reflector in self._reflectors.values()
            for item in reflector.indexed(uid)
            if item["metadata"].get("namespace") == namespace
        ]

    def put(self, value: JsonObject) -> None:
        """One that was just written, as it is stored."""
        reflector = self._reflectors.get(str(value["kind"]))
        if reflector is not None:
            reflector.put(dict(value))

    def close(self) -> None:
        """Stop watching."""
        for reflector in self._reflectors.values():
            reflector.stop()

    def _tell(self, item: dict[str, Any]) -> None:
        for each in _owners(item):
            if each.get("kind") == self._owner:
                self._changed(item["metadata"]["namespace"], str(each["name"]))


def _owners(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return item["metadata"].get("ownerReferences") or ()


def _uids(item: Mapping[str, Any]) -> list[str]:
    return [str(each.get("uid")) for each in _owners(item)]


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"
