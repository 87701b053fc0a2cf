"""Requests to an API server as whoever a kubeconfig or a service account says we are. JSON in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import config
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.config.config_exception import ConfigException

from ployd_policy.model.errors import ConfigurationError, ToolError

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML."""
OPENED = "OPENED"
_PAGE = 500
_NOT_FOUND = 404
_FAILED = 400
_SAID = 300
"""Characters of a refusal that a message shows."""
_CONNECTIONS = 16


class StatusError(ToolError):
    """The API server refused. `status` is the HTTP code, `said` the Status it sent."""

    def __init__(self, what: str, status: int, said: Any) -> None:
        told = said.get("message") if isinstance(said, Mapping) else said
        super().__init__(f"{what}: the API server answered {status}: {str(told)[:_SAID]}")
        self.status = status
        self.said = said


class Connection:
    """One API server. Calls block; any thread may call."""

    def __init__(self, client: ApiClient, *, timeout_s: float = 10.0) -> None:
        self._client = client
        self._timeout_s = timeout_s

    @property
    def host(self) -> str:
        """Where the API server is."""
        return str(self._client.configuration.host)

    def with_timeout(self, timeout_s: float) -> Connection:
        """The same API server, waited for so many seconds."""
        return Connection(self._client, timeout_s=timeout_s)

    def get(self, path: str) -> Any:
        """The object at `path`; None where there is none.

        Raises:
            ToolError: no answer, or one that refuses.

        """
        try:
            return self.send("GET", path)
        except StatusError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def pages(self, path: str, *, query: Mapping[str, str] | None = None) -> Iterator[tuple[list[Any], str]]:
        """(items, resource version) of a list, page by page.

        Raises:
            ToolError: no answer, or one that refuses.

        """
        following = ""
        while True:
            page = {"limit": str(_PAGE), **({"continue": following} if following else {}), **(query or {})}
            answer = self.send("GET", path, query=page)
            metadata = answer.get("metadata") or {}
            yield answer.get("items") or [], str(metadata.get("resourceVersion", ""))
            following = metadata.get("continue", "")
            if not following:
                return

    def watch(
        self,
        path: str,
        version: str,
        *,
        seconds: int,
        silence_s: float,
        query: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Events after a resource version for some time: `OPENED`, then the API server's, bookmarks among them.

        Args:
            path: of the list.
            version: to begin after.
            seconds: after which the API server ends it.
            silence_s: without a byte for so long, the connection counts as dead.
            query: more of it, a selector.

        Raises:
            ToolError: it could not be opened, or broke.

        """
        asked = {
            **(query or {}),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        response = self._request("GET", path, asked, None, "", (self._timeout_s, silence_s))
        try:
            if response.status >= _FAILED:
                raise StatusError(f"watch {path}", response.status, _decoded(response.read()))
            yield {"type": OPENED}
            rest = b""
            for part in response.stream(1 << 16, decode_content=True):
                *lines, rest = (rest + part).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ToolError(f"watch {path}: the connection broke: {type(error).__name__}") from None
        finally:
            response.close()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """One request; the decoded answer.

        Raises:
            StatusError: the API server refused.
            ToolError: it gave no answer.

        """
        response = self._request(method, path, query or {}, body, content_type, self._timeout_s)
        try:
            data = _decoded(response.read())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ToolError(f"{method} {path}: the answer broke off: {type(error).__name__}") from None
        finally:
            response.release_conn()
        if response.status >= _FAILED:
            raise StatusError(f"{method} {path}", response.status, data)
        if isinstance(data, str):
            raise ToolError(f"{method} {path}: the answer is no JSON, so it is not the API server's")
        return data

    def _request(  # noqa: PLR0917 - the parts of a request, in their order
        self, method: str, path: str, query: Mapping[str, str], body: Any, content_type: str, timeout: Any
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", **({"Content-Type": content_type} if body is not None else {})}
        try:
            _, url, headers, _, _ = self._client.param_serialize(
                method, path, query_params=list(query.items()), header_params=headers, auth_settings=["BearerToken"]
            )
            answer = self._client.rest_client.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=timeout
            )
        except Exception as error:  # noqa: BLE001 - the client lets through what its libraries raise
            raise ToolError(
                f"{method} {path}: the API server at {self.host} does not answer: {type(error).__name__}",
                remedy="Look at its address and the credentials in the kubeconfig.",
            ) from None
        response: urllib3.BaseHTTPResponse = answer.response
        return response


def connect(kubeconfig: Path | None, context: str | None = None) -> Connection:
    """A connection by a kubeconfig, in one of its contexts; None: by the pod's service account.

    Raises:
        ConfigurationError: neither can be used.

    """
    settings = Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(kubeconfig), context=context, client_configuration=settings
            )
    except (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"{kubeconfig or 'the service account of this pod'} does not say how to reach a cluster: {error}",
            remedy=_remedy(kubeconfig, context),
        ) from None
    settings.connection_pool_maxsize = _CONNECTIONS
    settings.retries = False
    return Connection(ApiClient(settings))


def _remedy(kubeconfig: Path | None, context: str | None) -> str:
    if kubeconfig is None:
        return "Name a kubeconfig with --kubeconfig; `serve` does without a cluster with --standalone."
    if not kubeconfig.is_file():
        return "There is no such file; name another kubeconfig."
    if context is not None:
        return f"`kubectl config get-contexts --kubeconfig {kubeconfig}` lists its contexts."
    return "Correct it, or name another kubeconfig."


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
