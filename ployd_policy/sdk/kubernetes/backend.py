"""ModelServing over a cluster: applies what differs, deletes what is no longer rendered. It renders and judges nothing.

Of `sdk.interface.ModelServing` it offers what a cluster can keep: deploying and looking. A number of replicas is a
field of the ModelDeployment (`kubectl scale` writes it), judged and deployed like any other; there is no way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.capacity import Catalogue
from ployd_policy.model.decision import Compliant
from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.kubernetes.compare import covers
from ployd_policy.sdk.kubernetes.kinds import ClusterKinds, OwnedKind, object_path, owned_kinds
from ployd_policy.sdk.kubernetes.observe import observe
from ployd_policy.sdk.kubernetes.port import ClusterClient
from ployd_policy.sdk.kubernetes.render import APPLIED, render_model

MANAGED = "app.kubernetes.io/managed-by=ployd-policy"
"""A selector of everything the backend has made."""
_AUTOSCALERS = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesBackend:
    """Deploys model servers into one cluster."""

    client: ClusterClient
    catalogue: Catalogue
    platform: Mapping[str, Any]
    """The whole of policies/data/platform.yaml."""
    cluster: ClusterKinds
    manager: str
    """Name under which fields are applied."""

    async def deploy_model(self, compliant: Compliant, *, known: Mapping[str, JsonObject] | None = None) -> Deployment:
        """Bring the cluster to what a compliant ModelDeployment wants. Doing it again writes nothing.

        What somebody has changed by hand is put right; what was added beside it is left.

        Args:
            compliant: about the object as the API server has stored it.
            known: objects of the owned kinds in its namespace, by path (`object_path`) and with apiVersion and kind,
                all the caller knows of. What is not among them is looked for before it is made. None: the cluster is
                asked for them.

        Returns:
            The Deployment as it is now, which is seldom ready yet.

        Raises:
            ConfigurationError: the model cannot be rendered; nothing was changed.
            SdkError: a request failed (what was done before stays, and the same call goes on from there), or an object
                of that name belongs to somebody else, and nothing was changed.

        """
        stored = compliant.resource.object
        wanted = render_model(
            stored,
            catalogue=self.catalogue,
            platform=self.platform,
            cluster=self.cluster,
            receipt=compliant.receipt.digest,
        )
        namespace = str(stored["metadata"]["namespace"])
        seen = await self._managed(namespace) if known is None else dict(known)
        paths = {object_path(value): value for value in wanted}
        for path, value in paths.items():
            there = seen.get(path) or await self.client.get(path)
            if there is not None:
                _require_ours(value, there, compliant.uid)
                seen[path] = there
        stale = {path: value for path, value in seen.items() if path not in paths and _owner(value) == compliant.uid}
        # Two autoscalers of one Deployment undo each other, and KEDA refuses a second one.
        await self._delete({path: value for path, value in stale.items() if value["kind"] in _AUTOSCALERS})
        now: JsonObject | None = None
        for path, value in paths.items():
            there = seen.get(path)
            if there is None or _digest(there) != _digest(value) or not covers(there, value):
                if there is not None and value["kind"] == "Deployment" and "replicas" not in value["spec"]:
                    await self._hand_over(path, stored["spec"]["scaling"]["minReplicas"])
                there = await self.client.apply(value, manager=self.manager)
            if value["kind"] == "Deployment":
                now = await self._wake(there, value, stored["spec"]["scaling"]["minReplicas"])
        await self._delete({path: value for path, value in stale.items() if value["kind"] not in _AUTOSCALERS})
        return observe(now, name=str(stored["metadata"]["name"]), namespace=namespace)

    async def undeploy_model(self, *, namespace: str, uid: str) -> None:
        """Delete all that was made for the ModelDeployment of that uid. Kubernetes does the same once that is deleted.

        Raises:
            SdkError: a request failed; the same call goes on from there.

        """
        found = await self._managed(namespace)
        await self._delete({path: value for path, value in found.items() if _owner(value) == uid})

    async def get_deployment(self, *, name: str, namespace: str) -> Deployment | None:
        """The model server of that name; None where there is none, or it was not made by this backend.

        Raises:
            SdkError: the request failed.

        """
        kind = next(kind for kind in owned_kinds(self.cluster) if kind.gvk.kind == "Deployment")
        found = await self.client.get(kind.path(namespace, name))
        if found is None or _digest(found) is None:
            return None
        return observe(found)

    async def _hand_over(self, path: str, least: int) -> None:
        """Give the number of replicas to another manager before an autoscaler sets it.

        A field whose only manager stops applying it gets its default back: one replica, of however many answered. None
        is handed over as the least, since an autoscaler of Kubernetes leaves a Deployment without replicas alone.
        """
        there = await self.client.get(path)  # what a caller knows may be older than the last change of the number
        if there is None or not _sets_replicas(there, self.manager):
            return
        await self._set_replicas(there, max(int(there["spec"].get("replicas", 1)), least))

    async def _wake(self, there: JsonObject, wanted: JsonObject, least: int) -> JsonObject:
        """The Deployment with replicas, where an autoscaler sets them and they were taken away by hand or policy."""
        if "replicas" in wanted["spec"] or there["spec"].get("replicas", 1) != 0 or least == 0:
            return there
        return await self._set_replicas(there, least)

    async def _set_replicas(self, there: JsonObject, replicas: int) -> JsonObject:
        body = {
            "apiVersion": there["apiVersion"],
            "kind": there["kind"],
            "metadata": {"name": there["metadata"]["name"], "namespace": there["metadata"]["namespace"]},
            "spec": {"replicas": replicas},
        }
        return await self.client.apply(body, manager=f"{self.manager}-replicas")

    async def _managed(self, namespace: str) -> dict[str, JsonObject]:
        """What the backend has made in a namespace, by path."""
        found: dict[str, JsonObject] = {}
        for kind in owned_kinds(self.cluster):
            for value in await self.client.list(kind.path(namespace), MANAGED):
                found[_path(kind, value)] = value
        return found

    async def _delete(self, values: Mapping[str, JsonObject]) -> None:
        for path, value in values.items():
            await self.client.delete(path, str(value["metadata"]["uid"]))


def _path(kind: OwnedKind, value: JsonObject) -> str:
    return kind.path(str(value["metadata"]["namespace"]), str(value["metadata"]["name"]))


def _require_ours(wanted: JsonObject, there: JsonObject, uid: str) -> None:
    """Refuse to take over what is there already: it would vanish with the model."""
    if _owner(there) != uid:
        raise SdkError(
            f"{wanted['kind']} {wanted['metadata']['namespace']}/{wanted['metadata']['name']} is there already and"
            " belongs to somebody else; delete it, or give the ModelDeployment another name",
            # That of a deleted ModelDeployment of this name goes by itself.
            retryable=_digest(there) is not None,
        )


def _sets_replicas(value: JsonObject, manager: str) -> bool:
    """Whether the manager's last apply set the number of replicas."""
    return any(
        "f:replicas" in (entry.get("fieldsV1") or {}).get("f:spec", {})
        for entry in value["metadata"].get("managedFields") or ()
        if entry.get("manager") == manager and entry.get("operation") == "Apply"
    )


def _owner(value: JsonObject) -> str | None:
    """The uid of the controller of an object."""
    owners = value["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)


def _digest(value: JsonObject) -> str | None:
    annotations: Mapping[str, str] = value["metadata"].get("annotations") or {}
    return annotations.get(APPLIED)
