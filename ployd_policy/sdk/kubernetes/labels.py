"""Labels and annotations of everything that is made for a model. What is no label value becomes an annotation."""

from collections.abc import Mapping
from typing import Any

from ployd_policy.sdk.kubernetes.model import Model, is_label_value

_NAME = "app.kubernetes.io/name"
_VERSION = "app.kubernetes.io/version"
_FRAMEWORK = "model.ployd.ai/framework"
_ENVIRONMENT = "ployd.ai/environment"
_OURS = "ployd.ai/"
ENDPOINT = "ployd.ai/endpoint"
"""Annotation of the Deployment: where the model answers."""
DEFAULT_PORT = 80
"""Of the Service, as the schema says it."""


def object_labels(model: Model) -> dict[str, str]:
    """Labels of every object. Of the author's only those of the platform: others (of GitOps tools) claim an object."""
    written: Mapping[str, Any] = model.stored["metadata"].get("labels") or {}
    own = {name: str(value) for name, value in written.items() if _domain(name).endswith(_OURS)}
    return own | pod_labels(model)


def pod_labels(model: Model) -> dict[str, str]:
    """Labels of pods: only what tells models and who pays for them apart, since a change of any restarts them all."""
    written: Mapping[str, Any] = model.stored["metadata"].get("labels") or {}
    centre = model.choice("labels", "costCentre")
    wanted = {
        _NAME: written.get(_NAME) or model.at("model", "name") or model.name,
        _VERSION: model.at("model", "version") or written.get(_VERSION),
        "app.kubernetes.io/part-of": model.choice("labels", "partOf"),
        _FRAMEWORK: model.framework,
        _ENVIRONMENT: model.at("environment") or written.get(_ENVIRONMENT),
        centre: model.at("budget", "costCentre") or written.get(centre),
    }
    usable = {name: str(value) for name, value in wanted.items() if value and is_label_value(str(value))}
    return {_NAME: model.name} | usable | model.selector


def notes(model: Model) -> dict[str, str]:
    """Annotations of the Deployment: what is told of the model and is no label."""
    port = model.at("service", "port") or DEFAULT_PORT
    wanted = {
        ENDPOINT: f"http://{model.name}.{model.namespace}.svc:{port}",
        "ployd.ai/model-name": model.at("model", "name"),
        "ployd.ai/model-version": model.at("model", "version"),
        "ployd.ai/registry-model-id": model.at("modelRegistry", "modelId"),
        "ployd.ai/registry-model-version": model.at("modelRegistry", "version"),
        "ployd.ai/clusters": ",".join(model.at("placement", "clusters") or ()),
        model.choice("labels", "costCentre"): model.at("budget", "costCentre"),
        "ployd.ai/server-version": model.at("model", "serverVersion"),
    }
    return {name: str(value) for name, value in wanted.items() if value}


def _domain(name: str) -> str:
    """`model.ployd.ai/framework` -> `model.ployd.ai/`; of policies' own domain nothing, as it is this package's."""
    prefix, slash, _ = name.partition("/")
    return f"{prefix}{slash}" if slash and prefix != "policy.ployd.ai" else ""
