"""The SDK's ModelRegistry on MLflow's model registry. An entry is a model version; what is ours is in its tags.

It registers, finds and tracks; it judges nothing. Calls block in a thread, with a client that is opened by the first.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ployd_policy.sdk.interface import ModelRegistry, RegisteredModel, SdkError, Settings
from ployd_policy.sdk.registry import entry, versions
from ployd_policy.sdk.registry.address import Address, address
from ployd_policy.sdk.registry.entry import TrackedDeployment
from ployd_policy.sdk.registry.opening import errors_of, open_client, require_installed

if TYPE_CHECKING:
    from mlflow import MlflowClient

_T = TypeVar("_T")
_AT_ONCE = 4
_CREATED_WITHIN_S = 180


def open_registry(uri: str, *, create: bool = False) -> MlflowRegistry:
    """A registry by its URI. Nothing is connected or imported yet, so a registry that is away now may be back later.

    Args:
        uri: `sqlite:///FILE`, `postgresql://...`, or `http(s)://...` of a tracking server.
        create: whether an empty database becomes a registry.

    Raises:
        ConfigurationError: no such URI, or the `registry` extra is not installed.

    """
    where = address(uri)
    require_installed(where)
    if create:
        return MlflowRegistry(address=where, create=True, timeout_s=_CREATED_WITHIN_S)
    return MlflowRegistry(address=where)


@dataclass(slots=True, kw_only=True)
class MlflowRegistry(ModelRegistry):
    """A model registry of MLflow. Every call raises `SdkError`, whose message holds no password."""

    address: Address
    create: bool = False
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)  # noqa: TID251 - a deployment has a time
    timeout_s: float = 30
    """After which a call has failed. What it asked for may be done yet; doing it again does no harm."""
    _client: MlflowClient | None = None
    # Threads of its own: one registry that is silent must not take those in which a cluster is asked.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "registry"))
    _opening: threading.Lock = field(default_factory=threading.Lock)

    async def register_model(
        self,
        *,
        name: str,
        version: str,
        model_path: str,
        framework: str,
        metadata: Settings | None = None,
        model_id: str = "",
    ) -> str:
        """Make an entry, or find the one that is the same, and give its id.

        Args:
            name: of the model; no / or :.
            version: as people write it, `v2.1`. A name has each once.
            model_path: where the weights are, as `spec.model.path`.
            framework: as `spec.model.framework`.
            metadata: anything that is JSON. Of an entry that is there it replaces what was noted.
            model_id: an id of somebody else's to find it by; no /.

        Returns:
            `model_id`, or else NAME/NUMBER with the number of MLflow's model version.

        """
        wrong = entry.why_unfit(
            name=name,
            version=version,
            model_path=model_path,
            framework=framework,
            model_id=model_id,
            metadata=metadata or {},
        )
        if wrong:
            raise SdkError(f"no entry of the model registry: {wrong}", retryable=False)
        wanted = RegisteredModel(
            model_id=model_id,
            name=name,
            version=version,
            model_path=model_path,
            framework=framework,
            metadata=metadata or {},
        )
        return await self._asked(lambda client: versions.register(client, wanted))

    async def get_model(self, *, model_id: str) -> RegisteredModel | None:
        """The entry of an id: NAME/NUMBER, `models:/NAME/NUMBER`, or what its tag `ployd.ai/model-id` says."""
        found = await self._asked(lambda client: versions.find(client, model_id))
        return None if found is None else versions.read(found)

    async def track_deployment(
        self,
        *,
        model_id: str,
        version: str,
        deployment: str,
        namespace: str | None = None,
        who: str = "",
        commit: str = "",
        digest: str = "",
        receipt: str = "",
    ) -> None:
        """Note that an entry was deployed under a name; nothing where that is the last that was noted of the name.

        Args:
            model_id: of the entry.
            version: of the entry; empty where whoever deploys it says none.
            deployment: name of the deployment.
            namespace: of the deployment.
            who: whoever deployed it.
            commit: of the repository it was deployed from.
            digest: of the image of the model server.
            receipt: digest of the decision that allowed it.

        """
        tracked = TrackedDeployment(
            deployment=deployment,
            namespace=namespace or "",
            version=version,
            who=who,
            when=self.now().astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            commit=commit,
            digest=digest,
            receipt=receipt,
        )
        await self._asked(lambda client: versions.track(client, model_id, tracked))

    async def deployments(self, *, model_id: str) -> tuple[TrackedDeployment, ...]:
        """Every deployment of an entry that was tracked, the oldest first; none where there is no such entry."""
        found = await self._asked(lambda client: versions.find(client, model_id))
        return () if found is None else entry.deployments_of(found.tags)

    async def _asked(self, call: Callable[[MlflowClient], _T]) -> _T:
        asking = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, call)
        try:
            return await asyncio.wait_for(asking, self.timeout_s)
        except TimeoutError:
            raise SdkError(
                f"model registry {self.address.shown}: no answer within {self.timeout_s:g} s", retryable=True
            ) from None

    def _ask(self, call: Callable[[MlflowClient], _T]) -> _T:
        with self._opening:
            if self._client is None:
                self._client = open_client(self.address, create=self.create)
            client = self._client
        with errors_of(self.address):
            return call(client)
