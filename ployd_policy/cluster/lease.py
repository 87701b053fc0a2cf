"""One of several, by a Lease: whoever renews it leads, and knows when to stop believing it does.

The rules are client-go's: a lease is taken over only when its holder has not renewed it for its whole duration by our
own clock, and the holder stops acting well before that (fencing). The client's own elector has no such moment.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from typing import Any

from ployd_policy.cluster.connection import Connection, StatusError
from ployd_policy.model.errors import ToolError

_CONFLICT = 409


@dataclass(slots=True, kw_only=True)
class Lease:
    """A lease as one candidate sees it. Calls block."""

    connection: Connection
    namespace: str
    name: str
    identity: str
    duration_s: float = 15.0
    """After which others take over."""
    act_s: float = 10.0
    """After which the holder does not act any more: less than `duration_s` by what a request may take."""
    _renewed: float = field(default=float("-inf"), init=False)
    _seen: tuple[str, float] = field(default=("", 0.0), init=False)
    """What the lease said when it last changed, and when that was by our clock."""

    @property
    def _path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"

    def holds(self) -> bool:
        """Whether we may act now. Asks nobody."""
        return time.monotonic() < self._renewed + self.act_s

    def age_s(self) -> float:
        """Seconds since it was last known to be ours; infinite where it never was."""
        return time.monotonic() - self._renewed

    def attempt(self) -> bool:
        """Take or renew it; whether it is ours.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        began = time.monotonic()
        found = self.connection.get(f"{self._path}/{self.name}")
        try:
            if found is None:
                self.connection.send("POST", self._path, self._value())
            else:
                spec = found.get("spec") or {}
                if spec.get("holderIdentity") != self.identity and not self._is_over(found, began):
                    # Somebody else has it, whatever we believed.
                    self._renewed = float("-inf")
                    return False
                changed = {**found, "spec": self._spec(spec)}
                self.connection.send("PUT", f"{self._path}/{self.name}", changed)
        except StatusError as error:
            if error.status == _CONFLICT:
                return False
            raise
        # From before the request: what was sent late was believed late.
        self._renewed = began
        return True

    def release(self) -> None:
        """Let another one take it at once. Fails silently: it ends by itself."""
        self._renewed = float("-inf")
        try:
            found = self.connection.get(f"{self._path}/{self.name}")
            if found is not None and found["spec"].get("holderIdentity") == self.identity:
                spec = {**found["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                self.connection.send("PUT", f"{self._path}/{self.name}", {**found, "spec": spec})
        except ToolError:
            return

    def _is_over(self, found: dict[str, Any], now: float) -> bool:
        spec = found.get("spec") or {}
        if not spec.get("holderIdentity"):
            return True
        said = str(found["metadata"]["resourceVersion"])
        if said != self._seen[0]:
            self._seen = (said, now)
        return now >= self._seen[1] + float(spec.get("leaseDurationSeconds", self.duration_s))

    def _value(self) -> dict[str, Any]:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self._spec({}),
        }

    def _spec(self, spec: dict[str, Any]) -> dict[str, Any]:
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: TID251 - told, never compared
        ours = spec.get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(self.duration_s),
            "acquireTime": spec.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": int(spec.get("leaseTransitions", 0)) + (not ours),
        }
