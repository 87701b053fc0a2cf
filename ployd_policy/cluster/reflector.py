"""A copy of one resource's objects, kept by list and watch, that knows how old it is. Level-based: it holds state.

The client's own informer cannot be used: it takes lists of models only, waits for ever on a connection that has gone
silent, and cannot say whether what it holds is fresh.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ployd_policy.cluster.connection import OPENED, Connection, StatusError
from ployd_policy.model.errors import ToolError

_GONE_KEPT = 4096
_GONE = 410
_WATCH_S = (240, 360)
"""The API server ends a watch after some time between these, so that a fleet does not come back at once."""
_SILENCE_S = 100.0
"""Bookmarks come every minute; without one for longer the connection is dead."""
_PAUSES_S = (0.2, 10.0)

Key = tuple[str, str]
"""Namespace and name."""


class Reflector:
    """One resource. `start` runs it in a thread of its own."""

    def __init__(
        self,
        connection: Connection,
        path: str,
        *,
        keep: Callable[[dict[str, Any]], dict[str, Any]] = lambda item: item,
        changed: Callable[[dict[str, Any]], None] = lambda _item: None,
        selector: str = "",
        index: Callable[[dict[str, Any]], Iterable[str]] = lambda _item: (),
    ) -> None:
        """Make one that does not run yet.

        Args:
            connection: to the API server.
            path: of the list, over all namespaces.
            keep: what is kept of an object; two that are equal then count as unchanged.
            changed: told of each object that comes, goes or changes, as it is kept, in the thread of the watch.
            selector: of labels; only such objects are there.
            index: words by which `indexed` finds an object.

        """
        self._connection = connection
        self._path = path
        self._words = index
        self._index: dict[str, set[Key]] = {}
        self._keep = keep
        self._changed = changed
        self._query = {"labelSelector": selector} if selector else {}
        self._lock = threading.Lock()
        self._objects: dict[Key, dict[str, Any]] = {}
        self._gone: dict[Key, dict[str, Any]] = {}
        """What was deleted lately, so that what we have put late does not come back."""
        self._heard = 0.0
        self._listed = False
        self._open = False
        self._changes = 0
        self._error = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {path}", daemon=True)

    def start(self) -> None:
        """Begin to list and watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and forget. A watch that waits is left to end by itself; its thread is a daemon."""
        self._stop.set()
        with self._lock:
            self._objects.clear()
            self._index.clear()

    @property
    def listed(self) -> bool:
        """Whether everything was seen once."""
        return self._listed

    @property
    def changes(self) -> int:
        """Grows whenever an object comes, goes or changes."""
        return self._changes

    @property
    def error(self) -> str:
        """What the last attempt failed with; empty while it watches."""
        return self._error

    def age_s(self) -> float:
        """Seconds since it was known to be in step: 0 while a watch is open."""
        if self._open:
            return 0.0
        return time.monotonic() - self._heard if self._heard else float("inf")

    def objects(self) -> Mapping[Key, dict[str, Any]]:
        """What there is, by namespace and name."""
        with self._lock:
            return dict(self._objects)

    def object(self, key: Key) -> dict[str, Any] | None:
        """One of them."""
        with self._lock:
            return self._objects.get(key)

    def indexed(self, word: str) -> list[dict[str, Any]]:
        """Those that an index knows by a word; without a look at all the others."""
        with self._lock:
            return [self._objects[key] for key in sorted(self._index.get(word, ()))]

    def _set(self, key: Key, item: dict[str, Any] | None) -> None:
        """Take an object over, or forget it; under the lock."""
        before = self._objects.pop(key, None)
        for word in self._words(before) if before is not None else ():
            self._index[word].discard(key)
            if not self._index[word]:
                del self._index[word]
        if item is not None:
            self._objects[key] = item
            for word in self._words(item):
                self._index.setdefault(word, set()).add(key)

    def put(self, item: dict[str, Any]) -> None:
        """An object as it was stored just now by ourselves; its event comes later and is then no news."""
        with self._lock:
            key = _key(item)
            known = self._objects.get(key) or self._gone.get(key)
            if known is None or not _is_older(item, known):
                self._set(key, self._keep(item))

    def _run(self) -> None:
        pause = _PAUSES_S[0]
        version = ""
        while not self._stop.is_set():
            try:
                version = version or self._list()
                version = self._watch(version)
                pause = _PAUSES_S[0]
            except ToolError as error:
                self._error = error.message
                # Whom the API server refused lists anew: after a restore of etcd it never knows that place again.
                # Where the connection broke, the old place may still do.
                version = "" if isinstance(error, StatusError) else version
                pause = self._rest(pause, gone=isinstance(error, StatusError) and error.status == _GONE)
            except Exception as error:  # noqa: BLE001 - a watch that ended here would be missed by nobody
                self._error = f"{self._path}: the API server said what nobody understands: {type(error).__name__}"
                version = ""
                pause = self._rest(pause)
            finally:
                self._open = False

    def _rest(self, pause: float, *, gone: bool = False) -> float:
        """Wait before the next attempt, unless the API server wants just that; how long to wait the next time."""
        if gone:
            return pause
        self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
        return min(_PAUSES_S[1], pause * 2)

    def _list(self) -> str:
        found: dict[Key, dict[str, Any]] = {}
        version = ""
        for items, version in self._connection.pages(self._path, query=self._query):  # noqa: B007 - the last one's
            found |= {_key(item): self._keep(item) for item in items}
        with self._lock:
            before = dict(self._objects)
            differs = [key for key in {*before, *found} if before.get(key) != found.get(key)]
            changed = [found[key] if key in found else before[key] for key in differs]
            for key in differs:
                self._set(key, found.get(key))
            self._changes += bool(changed)
        self._listed = True
        self._touch()
        for item in changed:
            self._changed(item)
        return version

    def _watch(self, version: str) -> str:
        """Follow until the API server ends it; the version to go on from."""
        seconds = random.randint(*_WATCH_S)  # noqa: S311 - spreads load
        for event in self._connection.watch(
            self._path, version, seconds=seconds, silence_s=_SILENCE_S, query=self._query
        ):
            self._open, self._error = True, ""
            self._touch()
            kind, item = event.get("type"), event.get("object") or {}
            if kind == "ERROR":
                raise StatusError(f"watch {self._path}", int(item.get("code", 0)), item)
            version = str((item.get("metadata") or {}).get("resourceVersion", version))
            if kind not in {OPENED, "BOOKMARK"}:
                self._take(str(kind), item)
            if self._stop.is_set():
                break
        # The API server has ended it, so until now nothing was missed.
        self._touch()
        return version

    def _take(self, kind: str, item: dict[str, Any]) -> None:
        key = _key(item)
        with self._lock:
            if self._stop.is_set():
                return
            known = self._objects.get(key)
            if kind == "DELETED":
                if known is None:
                    return
                self._set(key, None)
                self._remember_gone(key, item)
                kept = known
            else:
                kept = self._keep(item)
                # What we have put ourselves is newer than an event that was on its way.
                if kept == known or (known is not None and _is_older(item, known)):
                    return
                self._set(key, kept)
            self._changes += 1
        self._changed(kept)

    def _remember_gone(self, key: Key, item: dict[str, Any]) -> None:
        self._gone.pop(key, None)
        self._gone[key] = {"metadata": {"resourceVersion": str(item["metadata"].get("resourceVersion", ""))}}
        if len(self._gone) > _GONE_KEPT:
            del self._gone[next(iter(self._gone))]

    def _touch(self) -> None:
        self._heard = time.monotonic()


def not_listed(reflectors: Iterable[Reflector]) -> str:
    """Why the first of them has not seen everything yet; empty where each has."""
    waits = next((reflector for reflector in reflectors if not reflector.listed), None)
    return "" if waits is None else waits.error or "not everything is listed yet"


def whole(version: str, kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """Everything of an object but who wrote which field; items of a list say no type."""
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "apiVersion": version, "kind": kind, "metadata": metadata}


def _is_older(item: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether an object was stored before what is known of it; False where that kept no version to compare."""
    ours, theirs = known["metadata"].get("resourceVersion", "") if "metadata" in known else "", item["metadata"]
    version = str(theirs.get("resourceVersion", ""))
    return ours.isdigit() and version.isdigit() and int(version) < int(ours)


def _key(item: dict[str, Any]) -> Key:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
