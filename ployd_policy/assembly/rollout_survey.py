"""What a cluster has of a rollout, and what it would make of it: reads, and dry runs. It writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ployd_policy.cluster import Connection, StatusError
from ployd_policy.cluster.connection import APPLY
from ployd_policy.cluster.resources import PLURALS
from ployd_policy.environment import EnvironmentMap
from ployd_policy.model.entry import AUTHOR, COMMIT
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import JsonObject, ObjectRef
from ployd_policy.rollout.plan import SOURCE, Found, Wanted, source_of

MANAGER = "ployd-policy-deploy"
APPLYING = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
"""How everything is applied: what Git says wins over other managers, and an unknown field is an error."""
_VERSION = "ployd.ai/v1"
_AT_ONCE = 8
"""Requests while the plan is made."""
_FORBIDDEN, _NOT_FOUND = 403, 404
_REFUSALS = frozenset({400, 422})
"""Answers that are about the object."""
_DENIED = "denied the request"
"""What the API server says, with 403, where an admission webhook refuses."""


def resource_path(ref: ObjectRef, *, whole: bool = False) -> str:
    """Where the API server keeps a resource; `whole`: all of its kind in its namespace."""
    collection = f"/apis/{_VERSION}/namespaces/{ref.namespace}/{PLURALS[ref.gvk.kind]}"
    return collection if whole else f"{collection}/{ref.name}"


def body_of(wanted: Wanted, source: str) -> JsonObject:
    """What is applied: the object as it is written, and where it comes from."""
    written = wanted.compliant().resource.object
    metadata = written["metadata"]
    told = {SOURCE: source, COMMIT: wanted.origin.commit, AUTHOR: wanted.origin.author}
    annotations = {**(metadata.get("annotations") or {}), **{name: text for name, text in told.items() if text}}
    return {**written, "metadata": {**metadata, "annotations": annotations}}


@dataclass(frozen=True, slots=True)
class Survey:
    """Reads a cluster, and tries what would be applied without storing it. Writes nothing."""

    connection: Connection
    source: str
    """What `SOURCE` says of objects of this rollout."""

    def found(self, wanted: Sequence[Wanted]) -> dict[ObjectRef, Found]:
        """What the cluster says of each object.

        Raises:
            ConfigurationError: an object belongs to another repository, or the cluster lacks its kind or namespace.
            ToolError: the API server gave no answer of use.

        """
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            return dict(zip((each.ref for each in wanted), pool.map(self._one, wanted), strict=True))

    def stale(self, kept: Collection[tuple[str, str, str]]) -> Iterator[JsonObject]:
        """Objects of this rollout's source that are not in the repository any more.

        Args:
            kept: kind, namespace and name of everything that is in it.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        for kind, plural in PLURALS.items():
            for items, _ in self.connection.pages(f"/apis/{_VERSION}/{plural}"):
                for item in items:
                    value = {**item, "apiVersion": _VERSION, "kind": kind}
                    metadata = item["metadata"]
                    known = (kind, metadata["namespace"], metadata["name"]) in kept
                    if source_of(value) == self.source and not known and not metadata.get("deletionTimestamp"):
                        yield value

    def notes(self, namespaces: Sequence[str], environment: str, environments: EnvironmentMap) -> Iterator[str]:
        """What is to be said about the namespaces that are deployed into.

        Raises:
            ConfigurationError: one of them is of another environment, or is not there.
            ToolError: the API server gave no answer of use.

        """
        for name in namespaces:
            try:
                found = self.connection.get(f"/api/v1/namespaces/{name}")
            except StatusError as error:
                if error.status != _FORBIDDEN:
                    raise
                yield f"whether namespace {name} is of {environment} may not be read by whoever runs this"
                continue
            if found is None:
                raise ConfigurationError(
                    f"there is no namespace {name} in the cluster",
                    remedy=f"kubectl create namespace {name}; label it ployd.ai/environment={environment}.",
                )
            there = environments.of_namespace(name, found["metadata"].get("labels") or {})
            if there not in {None, environment}:
                raise ConfigurationError(
                    f"namespace {name} is of environment {there}, and this is a rollout to {environment}",
                    remedy="Look at --kubeconfig and --context, or at the namespace's label ployd.ai/environment.",
                )
            if there is None:
                yield (
                    f"namespace {name} says no environment, so the cluster judges by the strictest level; "
                    f"kubectl label namespace {name} ployd.ai/environment={environment}"
                )

    def _one(self, wanted: Wanted) -> Found:
        path = resource_path(wanted.ref)
        stored = self.connection.get(path)
        if stored is not None and source_of(stored) not in {"", self.source}:
            raise ConfigurationError(
                f"{wanted.ref} is in the cluster already and comes from {source_of(stored)}",
                remedy=f"Deploy it from there, or take its annotation {SOURCE} away first.",
            )
        if stored is not None and stored["metadata"].get("deletionTimestamp"):
            return Found(stored=stored, refusal="it is being deleted; run this again when it is gone")
        try:
            applied = self.connection.send(
                "PATCH", path, body_of(wanted, self.source), query={**APPLYING, "dryRun": "All"}, content_type=APPLY
            )
        except StatusError as error:
            return Found(stored=stored, refusal=_refusal(error, wanted.ref))
        return Found(stored=stored, applied=applied)


def _refusal(error: StatusError, ref: ObjectRef) -> str:
    """What the API server has against an object.

    Raises:
        ConfigurationError: it does not know where to put such a one.
        StatusError: its answer is not about the object.

    """
    if error.status in _REFUSALS or (error.status == _FORBIDDEN and _DENIED in error.message):
        return error.message
    if error.status == _NOT_FOUND:
        raise ConfigurationError(
            f"the cluster takes no {ref}: {error.message}",
            remedy="Create its namespace, and install the CRDs of ployd.ai (schemas/ of ployd-policy).",
        ) from None
    raise error


def require_lease_namespace(connection: Connection, namespace: str) -> None:
    """Refuse a namespace for the lease that is not there: nobody could ever take it.

    Raises:
        ConfigurationError: there is none of that name.
        ToolError: the API server gave no answer of use.

    """
    try:
        found = connection.get(f"/api/v1/namespaces/{namespace}")
    except StatusError as error:
        if error.status != _FORBIDDEN:
            raise
        return
    if found is None:
        raise ConfigurationError(
            f"there is no namespace {namespace}, where the reconciler's lease is kept",
            remedy=f"kubectl create namespace {namespace}, or name another lease with --lease NAMESPACE/NAME.",
        )
