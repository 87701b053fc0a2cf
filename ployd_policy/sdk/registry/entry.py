"""An entry of the registry as MLflow keeps it: a version of a registered model, with tags. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ployd_policy.sdk.interface import RegisteredModel, Settings

MODEL_ID = "ployd.ai/model-id"
VERSION = "ployd.ai/version"
PATH = "ployd.ai/path"
FRAMEWORK = "ployd.ai/framework"
METADATA = "ployd.ai/metadata"
DEPLOYMENT = "ployd.ai/deployment/"
"""Tags; the last is the beginning of one for each deployment, and its time follows."""

_LARGEST_TAG = 100_000
_ID = re.compile(r"(?:models:/)?([^/:]+)/([1-9][0-9]{0,8})", re.ASCII)
_SHORT = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
# A name is written into a filter of MLflow, whose own rules leave / and : out of it.
_UNFIT_NAME = re.compile(r"[/:'\"`\\%\x00-\x1f\x7f]")
_UNFIT = re.compile(r"['\"`\\%\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedDeployment:
    """That an entry was deployed."""

    deployment: str
    namespace: str = ""
    version: str = ""
    who: str = ""
    when: str = ""
    """RFC 3339 in UTC."""
    commit: str = ""
    """Of the repository it was deployed from, as whoever applied it says."""
    digest: str = ""
    """Of the image of the model server; empty where none is pinned."""
    receipt: str = ""
    """Digest of the decision that allowed it."""


def why_unfit(*, name: str, version: str, model_path: str, framework: str, model_id: str, metadata: Settings) -> str:
    """Why this cannot be an entry; empty where it can."""
    for what, text in (("name", name), ("version", version), ("path", model_path), ("framework", framework)):
        if not text.strip():
            return f"the {what} is empty"
    if _UNFIT_NAME.search(name):
        return f"the name {name!r} holds one of / : ' \" ` \\ % or a control character"
    for what, text in (("version", version), ("id", model_id)):
        if _UNFIT.search(text):
            return f"the {what} {text!r} holds one of ' \" ` \\ % or a control character"
    if "/" in model_id:
        return f"the id {model_id!r} holds a /, which divides a name and a number that the registry gives"
    if len(_dumps(metadata)) > _LARGEST_TAG:
        return f"the metadata is longer than {_LARGEST_TAG} characters of JSON"
    return ""


def metadata_tag(metadata: Settings) -> str:
    """Metadata as the value of its tag."""
    return _dumps(metadata)


def tags_of(*, version: str, model_path: str, framework: str, model_id: str, metadata: Settings) -> dict[str, str]:
    """The tags of a new entry."""
    tags = {VERSION: version, PATH: model_path, FRAMEWORK: framework, MODEL_ID: model_id}
    return {key: value for key, value in tags.items() if value} | ({METADATA: _dumps(metadata)} if metadata else {})


def source_of(model_path: str) -> str:
    """The path as a source that MLflow takes. Its server refuses what looks like a folder of its own machine."""
    if "://" in model_path:
        return model_path
    return f"image://{model_path}" if model_path.startswith("/") else f"hf://{model_path}"


def same_path(one: str, other: str) -> bool:
    """Whether two paths are one place: owner/name is hf://owner/name, and a / at the end says nothing."""
    return _plain(one) == _plain(other)


def _plain(path: str) -> str:
    return (f"hf://{path}" if _SHORT.fullmatch(path) else path).rstrip("/")


def model_of(name: str, number: int, source: str, tags: Mapping[str, str]) -> RegisteredModel:
    """What an entry says. One that was not made here has its source as the path and its number as the version."""
    return RegisteredModel(
        model_id=tags.get(MODEL_ID) or f"{name}/{number}",
        name=name,
        version=tags.get(VERSION) or str(number),
        model_path=tags.get(PATH) or source,
        framework=tags.get(FRAMEWORK, ""),
        metadata=_loads(tags.get(METADATA, "")),
    )


def name_and_number(model_id: str) -> tuple[str, int] | None:
    """`llama-7b-chat/3`, or MLflow's `models:/llama-7b-chat/3`; None for an id that a tag holds."""
    found = _ID.fullmatch(model_id)
    return (found[1], int(found[2])) if found else None


def can_be_tag(model_id: str) -> bool:
    """Whether an entry may hold this id in its tag."""
    return bool(model_id) and "/" not in model_id and not _UNFIT.search(model_id)


def deployments_of(tags: Mapping[str, str]) -> tuple[TrackedDeployment, ...]:
    """Every deployment that was tracked, the oldest first."""
    told = [_loads(value) for key, value in sorted(tags.items()) if key.startswith(DEPLOYMENT)]
    known = TrackedDeployment.__dataclass_fields__
    return tuple(
        TrackedDeployment(**{key: str(value) for key, value in each.items() if key in known})
        for each in told
        if "deployment" in each
    )


def deployment_tag(tracked: TrackedDeployment) -> tuple[str, str]:
    """The tag of a deployment."""
    place = hashlib.sha256(f"{tracked.namespace}/{tracked.deployment}".encode()).hexdigest()[:8]
    # Two deployments at one time are two tags; names are too long to be part of one.
    return f"{DEPLOYMENT}{tracked.when}-{place}", _dumps(
        {key: value for key, value in asdict(tracked).items() if value}
    )


def _dumps(value: Settings) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _loads(text: str) -> dict[str, Any]:
    """A tag's JSON; people can write tags too, and what is none says nothing."""
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
