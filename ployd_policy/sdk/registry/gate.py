"""The precondition that what is deployed is registered. It can hold a resource back; it never overrules policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.decision import Compliant
from ployd_policy.model.entry import AUTHOR, COMMIT
from ployd_policy.model.errors import ToolError
from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.interface import RegisteredModel, SdkError
from ployd_policy.sdk.registry.entry import same_path
from ployd_policy.sdk.registry.mlflow_registry import MlflowRegistry

_REGISTER = "register the model with `ployd-policy register-model`"


def held(value: JsonObject, entry: RegisteredModel | None) -> str:
    """Why a ModelDeployment may not be deployed, with what to change; empty where it may.

    Args:
        value: the ModelDeployment.
        entry: what the registry has under its spec.modelRegistry.modelId; None: nothing.

    """
    model_id = _id(value)
    if not model_id:
        return f"spec.modelRegistry.modelId is not set: {_REGISTER}, and write the id it gives there"
    if entry is None:
        return (
            f"the model registry has no entry {model_id}, which is spec.modelRegistry.modelId: "
            f"{_REGISTER}, or write the id of an entry that is there"
        )
    wrong = (
        _other_version(value, entry, "modelRegistry"),
        _other_version(value, entry, "model"),
        _other_path(value, entry),
        _other_framework(value, entry),
    )
    return "; ".join(filter(None, wrong))


def _id(value: JsonObject) -> str:
    return _text(value, "modelRegistry", "modelId")


def _text(value: JsonObject, part: str, key: str) -> str:
    """A text under spec; empty where it is not there."""
    spec: Any = value.get("spec")
    for each in (part, key):
        spec = spec.get(each) if isinstance(spec, Mapping) else None
    return spec if isinstance(spec, str) else ""


def _other_version(value: JsonObject, entry: RegisteredModel, part: str) -> str:
    written = _text(value, part, "version")
    if not written or written == entry.version:
        return ""
    return (
        f"spec.{part}.version is {written}, and entry {entry.model_id} of the model registry is {entry.version}: "
        f"write {entry.version}, or the id of the entry that is {written} to spec.modelRegistry.modelId"
    )


def _other_path(value: JsonObject, entry: RegisteredModel) -> str:
    written = _text(value, "model", "path")
    if same_path(written, entry.model_path):
        return ""
    return (
        f"spec.model.path is {written}, and entry {entry.model_id} of the model registry is {entry.model_path}: "
        "write that, or register this path as a new version"
    )


def _other_framework(value: JsonObject, entry: RegisteredModel) -> str:
    written, known = _text(value, "model", "framework"), entry.framework
    if not known or written == known:
        return ""
    return (
        f"spec.model.framework is {written}, and entry {entry.model_id} of the model registry is for {known}: "
        f"write {known}, or register the model for {written} as a new version"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryGate:
    """Asks a registry before a model is deployed, and tells it after."""

    registry: MlflowRegistry
    who: str
    """Who deploys: told where the resource does not name its author."""

    condition = "Registered"
    """Type of the condition in the status."""

    async def why_held(self, stored: JsonObject) -> tuple[str, bool]:
        """Why a ModelDeployment is not to be deployed yet, and whether that stays until somebody changes it.

        Empty: nothing holds it. A registry that does not answer holds it, for as long as it does not.
        """
        model_id = _id(stored)
        try:
            entry = await self.registry.get_model(model_id=model_id) if model_id else None
        except SdkError as error:
            return f"whether {model_id} is registered is not known: {error.message}", False
        why = held(stored, entry)
        # An entry never changes; one that is missing can be made.
        return why, bool(why) and (entry is not None or not model_id)

    async def track(self, compliant: Compliant) -> None:
        """Note in the registry that this was deployed: by whom, from which commit, by which decision.

        Raises:
            ToolError: it could not be noted.

        """
        value = compliant.resource.object
        annotations = value["metadata"].get("annotations") or {}
        try:
            await self.registry.track_deployment(
                model_id=_id(value),
                version=_text(value, "modelRegistry", "version"),
                deployment=value["metadata"]["name"],
                namespace=value["metadata"].get("namespace"),
                who=str(annotations.get(AUTHOR) or self.who),
                commit=str(annotations.get(COMMIT) or ""),
                digest=_text(value, "model", "image").partition("@")[2],
                receipt=compliant.receipt.digest,
            )
        except SdkError as error:
            raise ToolError(f"{error.message}; the deployment is not noted there") from None
