"""Rules in an OPA server that has loaded the same bundle; nothing is pushed to it but the question."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from opa_client import OpaClient  # type: ignore[import-untyped]
from opa_client.errors import PolicyNotFoundError  # type: ignore[import-untyped]

from ployd_policy import _native
from ployd_policy.evaluators.report import complete_report, rules_for, silent_report
from ployd_policy.model.errors import ConfigurationError, EvaluationError, ToolError
from ployd_policy.model.resource import JsonObject
from ployd_policy.ports import SharedInventory
from ployd_policy.rego import PolicyBundle

_PACKAGE = "ployd.main"
_RULE = "answer"
_STRICT = {"strict-builtin-errors": True}
_LOAD = "Run `ployd-policy bundle --output bundle.tar.gz`, then `opa run --server --bundle bundle.tar.gz`."
_INVENTORY_BYTES = 1 << 30
_SHOWN = 500
"""Characters of an error of the server in a message."""
_SERVER_ERROR = 500


class OpaEvaluator:
    """A `RuleEvaluator` over an OPA server. The path it asks is constant: no part of an object ever gets into it."""

    def __init__(self, bundle: PolicyBundle, *, url: str, timeout_s: float = 10.0, token: str | None = None) -> None:
        """Connect, and see that the server has this bundle.

        Args:
            bundle: the policies the server must have.
            url: `http://HOST:PORT` or `https://HOST:PORT`.
            timeout_s: seconds for one answer.
            token: sent as bearer token.

        Raises:
            ConfigurationError: the URL is none, or the server has another bundle.
            ToolError: the server does not answer.

        """
        self._bundle = bundle
        self._silent = silent_report(bundle)
        self._url = url
        self._timeout_s = timeout_s
        self._client = _client(url, timeout_s, token)
        self._require_bundle()

    def evaluate(
        self, document: JsonObject, inventory: SharedInventory | None, rules: tuple[str, ...] | None = None
    ) -> JsonObject:
        """See `RuleEvaluator.evaluate`."""
        asked = rules_for(self._bundle, document) if rules is None else rules
        answer = self._ask(_question(document, inventory))
        return complete_report(self._silent, asked, answer)

    def _ask(self, question: dict[str, Any]) -> Any:
        try:
            response = self._client.query_rule(question, _PACKAGE, _RULE, _STRICT)
        except requests.HTTPError as error:
            raise self._refused(error) from None
        except requests.Timeout:
            raise EvaluationError(f"the OPA server at {self._url} gave no answer within {self._timeout_s} s") from None
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from None
        answer = response.get("result") if isinstance(response, dict) else None
        if not isinstance(answer, dict):
            return None
        found = answer.get("digest")
        if found != self._bundle.digest:
            raise EvaluationError(
                f"the OPA server at {self._url} answered by {found or 'no bundle of ours'}, not {self._bundle.digest}",
                remedy=_LOAD,
            )
        return answer.get("report")

    def _require_bundle(self) -> None:
        try:
            response = self._client.get_data("ployd/bundle/digest")
        except PolicyNotFoundError:
            response = {"result": None}
        except (requests.RequestException, ValueError) as error:
            raise self._unreachable(error) from None
        found = response.get("result")
        if found != self._bundle.digest:
            raise ConfigurationError(
                f"the OPA server at {self._url} has {found or 'no bundle of ours'}, not {self._bundle.digest}",
                remedy=_LOAD,
            )

    def _refused(self, error: requests.HTTPError) -> EvaluationError | ToolError:
        """OPA answers 500 where a rule failed, and 4xx where the server does not want the question."""
        if error.response is None:
            return self._unreachable(error)
        status, said = error.response.status_code, _said(error.response)
        if status == _SERVER_ERROR:
            return EvaluationError(f"OPA could not evaluate the rules: {said}")
        return ToolError(f"the OPA server at {self._url} answered {status}: {said}", remedy="Look at the server's log.")

    def _unreachable(self, error: Exception) -> ToolError:
        return ToolError(
            f"the OPA server at {self._url} does not answer: {type(error).__name__}",
            remedy="Start it, or correct --opa-url.",
        )


def _client(url: str, timeout_s: float, token: str | None) -> OpaClient:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ConfigurationError(f"{url!r} is not the URL of an OPA server", remedy="Write http://HOST:PORT.")
    encrypted = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # What is tried again, once, is a connection that never came to be: a server may be restarting.
    return OpaClient(
        host=host, port=port or (443 if encrypted else 80), ssl=encrypted, token=token, retries=1, timeout=timeout_s
    )


def _question(document: JsonObject, inventory: SharedInventory | None) -> dict[str, Any]:
    """The input, bounded and normalised as the embedded engine does it, so that both see the same numbers."""
    try:
        question: dict[str, Any] = _native.prepare(document).to_python()
        if inventory is not None:
            prepared = _native.prepare(inventory.value, max_bytes=_INVENTORY_BYTES)
            known = (prepared if inventory.own is None else prepared.with_value(*inventory.own)).to_python()
            question.setdefault("ployd", {})["inventory"] = known
    except _native.InputError as error:
        raise EvaluationError(error.args[0]) from None
    return question


def _said(response: requests.Response) -> str:
    """What OPA's error says: its message and the first detail with its place."""
    try:
        body = response.json()
    except ValueError:
        return response.text[:_SHOWN]
    message = str(body.get("message", "")) if isinstance(body, dict) else str(body)
    errors = body.get("errors") if isinstance(body, dict) else None
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        place = errors[0].get("location") or {}
        where = f"{place.get('file')}:{place.get('row')}:{place.get('col')}: " if place else ""
        message = f"{where}{errors[0].get('message', message)}"
    return message[:_SHOWN]
