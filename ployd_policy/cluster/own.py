"""The objects in a cluster that are the server's own: the Secret with its certificates, the webhook's configuration.

It reads and writes them; what they shall hold is decided elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.cluster.connection import JSON_PATCH, Connection, StatusError
from ployd_policy.model.errors import ConfigurationError

_CONFLICT = 409
_CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@dataclass(frozen=True, slots=True)
class OwnSecret:
    """A Secret that several replicas read and any of them may write."""

    connection: Connection
    namespace: str
    name: str

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"

    def read(self) -> tuple[dict[str, bytes], str]:
        """Its data and its resource version; empty where there is none.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        found = self.connection.get(f"{self._path}/{self.name}")
        if found is None:
            return {}, ""
        data = {name: base64.b64decode(text) for name, text in (found.get("data") or {}).items()}
        return data, found["metadata"]["resourceVersion"]

    def write(self, data: Mapping[str, bytes], version: str) -> bool:
        """Store its data if nobody else wrote since `version`; whether it was stored.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        metadata: dict[str, Any] = {"name": self.name, "namespace": self.namespace}
        if version:
            metadata["resourceVersion"] = version
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": metadata,
            "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
        }
        try:
            if version:
                self.connection.send("PUT", f"{self._path}/{self.name}", secret)
            else:
                self.connection.send("POST", self._path, secret)
        except StatusError as error:
            if error.status == _CONFLICT:
                return False
            raise
        return True


@dataclass(frozen=True, slots=True)
class OwnConfiguration:
    """The ValidatingWebhookConfiguration by which the API server calls us."""

    connection: Connection
    name: str

    def webhooks(self) -> list[dict[str, Any]]:
        """Its webhooks.

        Raises:
            ConfigurationError: there is no such configuration.
            ToolError: the API server gave no answer of use.

        """
        found = self.connection.get(f"{_CONFIGURATIONS}/{self.name}")
        if found is None:
            raise ConfigurationError(
                f"there is no ValidatingWebhookConfiguration {self.name}", remedy="Install it, or correct the name."
            )
        webhooks: list[dict[str, Any]] = found.get("webhooks") or []
        return webhooks

    def set_ca_bundle(self, bundle: bytes) -> bool:
        """Let the API server trust these authorities; whether that was news."""
        wanted = base64.b64encode(bundle).decode()
        return self._patch(
            [
                {"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": wanted}
                for number, webhook in enumerate(self.webhooks())
                if webhook["clientConfig"].get("caBundle") != wanted
            ]
        )

    def failure_policies(self) -> set[str]:
        """What happens where we do not answer: Ignore or Fail, of each of its webhooks."""
        return {str(webhook.get("failurePolicy")) for webhook in self.webhooks()}

    def set_failure_policy(self, policy: str) -> bool:
        """Say what happens where we do not answer; whether that was news."""
        return self._patch(
            [
                {"op": "replace", "path": f"/webhooks/{number}/failurePolicy", "value": policy}
                for number, webhook in enumerate(self.webhooks())
                if webhook.get("failurePolicy") != policy
            ]
        )

    def _patch(self, operations: list[dict[str, Any]]) -> bool:
        if operations:
            self.connection.send("PATCH", f"{_CONFIGURATIONS}/{self.name}", operations, content_type=JSON_PATCH)
        return bool(operations)


def refusal(connection: Connection, path: str, value: Mapping[str, Any]) -> str:
    """What the API server says against the creation of an object, tried without storing it; empty if nothing.

    Raises:
        ToolError: it gave no answer of use, or a webhook could not be called.

    """
    try:
        connection.send("POST", path, value, query={"dryRun": "All"})
    except StatusError as error:
        if error.status >= 500:  # noqa: PLR2004 - about the server, not about the object
            raise
        return str(error.said.get("message", "")) if isinstance(error.said, Mapping) else str(error.said)
    return ""
