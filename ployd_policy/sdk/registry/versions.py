"""Entries as MLflow's model versions: what is asked of its client, one blocking call after the other.

Its errors go through as they are; what is wrong with a question is an `SdkError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ployd_policy.sdk.interface import RegisteredModel, SdkError
from ployd_policy.sdk.registry import entry
from ployd_policy.sdk.registry.entry import TrackedDeployment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_PAGE = 1000


def register(client: MlflowClient, wanted: RegisteredModel) -> str:
    """The id of the entry; made where nobody has made it.

    MLflow has no uniqueness but of its numbers, which grow. So whoever has made a second entry of one name and version
    finds the first, and takes its own back; two at once can never both take theirs back.
    """
    taken = _tagged(client, wanted.model_id) if wanted.model_id else None
    if taken is not None and (taken.name, read(taken).version) != (wanted.name, wanted.version):
        raise _refused(wanted, f"the id {wanted.model_id} is that of {taken.name} {read(taken).version}")
    first = _first(client, wanted)
    if first is None:
        _make_name(client, wanted.name)
        tags = entry.tags_of(
            version=wanted.version,
            model_path=wanted.model_path,
            framework=wanted.framework,
            model_id=wanted.model_id,
            metadata=wanted.metadata,
        )
        source = entry.source_of(wanted.model_path)
        mine = client.create_model_version(wanted.name, source, tags=tags, await_creation_for=0)
        first = _first(client, wanted)
        if first is None or int(first.version) == int(mine.version):
            return read(mine).model_id
        client.delete_model_version(wanted.name, str(mine.version))
    return _agreed(client, first, wanted)


def _agreed(client: MlflowClient, there: ModelVersion, wanted: RegisteredModel) -> str:
    """The id of an entry that is there, if it says the same."""
    known = read(there)
    if not entry.same_path(known.model_path, wanted.model_path):
        raise _refused(wanted, f"it is registered with the path {known.model_path}, not {wanted.model_path}")
    if known.framework != wanted.framework:
        raise _refused(wanted, f"it is registered with the framework {known.framework}, not {wanted.framework}")
    tagged = there.tags.get(entry.MODEL_ID, "")
    if wanted.model_id and tagged and tagged != wanted.model_id:
        raise _refused(wanted, f"it is registered with the id {tagged}, not {wanted.model_id}")
    if wanted.model_id and not tagged:
        client.set_model_version_tag(there.name, str(there.version), entry.MODEL_ID, wanted.model_id)
    if wanted.metadata and dict(wanted.metadata) != known.metadata:
        text = entry.metadata_tag(wanted.metadata)
        client.set_model_version_tag(there.name, str(there.version), entry.METADATA, text)
    return wanted.model_id or known.model_id


def _refused(wanted: RegisteredModel, why: str) -> SdkError:
    return SdkError(
        f"{wanted.name} {wanted.version} is not registered: {why}; an entry is never changed, so give it a new version",
        retryable=False,
    )


def _make_name(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - MLflow's imports take seconds

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _first(client: MlflowClient, wanted: RegisteredModel) -> ModelVersion | None:
    """The first entry of a name and version."""
    found = _search(client, f"name = '{wanted.name}'")
    same = [each for each in found if read(each).version == wanted.version]
    return min(same, key=lambda each: int(each.version), default=None)


def find(client: MlflowClient, model_id: str) -> ModelVersion | None:
    """The entry of an id; None where there is none."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - MLflow's imports take seconds

    place = entry.name_and_number(model_id)
    if place is None:
        return _tagged(client, model_id) if entry.can_be_tag(model_id) else None
    try:
        return client.get_model_version(place[0], str(place[1]))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _tagged(client: MlflowClient, model_id: str) -> ModelVersion | None:
    """The entry with an id of somebody else's."""
    found = _search(client, f"tags.`{entry.MODEL_ID}` = '{model_id}'")
    if len({(each.name, read(each).version) for each in found}) > 1:
        names = ", ".join(sorted(f"{each.name}/{each.version}" for each in found))
        raise SdkError(f"the id {model_id} is that of several entries of the model registry: {names}", retryable=False)
    return min(found, key=lambda each: int(each.version), default=None)


def _search(client: MlflowClient, filter_string: str) -> list[ModelVersion]:
    found: list[ModelVersion] = []
    token: Any = None
    while True:
        page = client.search_model_versions(filter_string, max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def track(client: MlflowClient, model_id: str, tracked: TrackedDeployment) -> None:
    """Note a deployment with its entry, unless the last that was noted of its name says the same."""
    there = find(client, model_id)
    if there is None:
        raise SdkError(f"the model registry has no entry {model_id}", retryable=False)
    known = read(there).version
    if tracked.version and tracked.version != known:
        raise SdkError(f"entry {model_id} of the model registry is {known}, not {tracked.version}", retryable=False)
    place = (tracked.namespace, tracked.deployment)
    told = [each for each in entry.deployments_of(there.tags) if (each.namespace, each.deployment) == place]
    if not told or replace(told[-1], when=tracked.when) != tracked:
        client.set_model_version_tag(there.name, str(there.version), *entry.deployment_tag(tracked))


def read(version: ModelVersion) -> RegisteredModel:
    """What an entry says."""
    return entry.model_of(version.name, int(version.version), version.source or "", version.tags)
