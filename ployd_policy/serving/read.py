"""Which vLLM servers an object runs: of a ModelDeployment its one, of a pod each container with one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ployd_policy.serving import model_deployment, pods
from ployd_policy.serving.server import Server, mapping, text


def servers_of(obj: Any, node_labels: Collection[str] = ()) -> tuple[Server, ...]:
    """The servers of an object, in the order they are written. Any object gives an answer; none raises.

    `node_labels` are the labels of nodes that tell their GPU.
    """
    api_version, kind = text(mapping(obj).get("apiVersion")), text(mapping(obj).get("kind"))
    if kind == "ModelDeployment" and api_version.split("/")[0] == "ployd.ai":
        return model_deployment.servers(obj)
    return pods.servers(obj, group=api_version.rpartition("/")[0], kind=kind, node_labels=node_labels)
