"""What becomes of each field of a ModelDeployment here: one table, so that nothing is dropped unseen.

A field that is in no line of it is refused. A place named here may still refuse a value, with a message of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.location import format_path
from ployd_policy.sdk.kubernetes.model import Model

_TABLE = """
arguments: spec.model.vllm spec.model.parameters spec.model.revision spec.model.codeRevision spec.model.name
arguments: spec.model.serverVersion
labels: spec.environment spec.modelRegistry spec.model.version spec.model.framework spec.budget.costCentre
source: spec.model.path spec.model.credentials
pod: spec.model.image spec.model.env spec.imagePullSecrets spec.serviceAccountName
pod: spec.resources.cpu spec.resources.memory spec.resources.sharedMemory spec.resources.ephemeralStorage
nodes: spec.resources.gpu spec.placement
probes: spec.health spec.terminationGracePeriodSeconds
network: spec.service
scaling: spec.scaling.minReplicas spec.scaling.maxReplicas spec.scaling.replicas
scaling: spec.scaling.targetGPUUtilization spec.scaling.targetQueueLength spec.scaling.scaleDownDelay
estimate: spec.model.architecture
judged: spec.budget.maxHourlyCost
"""
# `estimate`: figures that only tell how long loading takes and how much room weights need. `judged`: rules hold it
# before anything is deployed; there is nothing to render.

PLACES: Mapping[tuple[str, ...], str] = {
    tuple(path.split(".")): place
    for place, paths in (line.split(": ") for line in _TABLE.split("\n") if line)
    for path in paths.split()
}
"""Fields, each with all below it, and the part of this room that takes them."""


def require_places(model: Model) -> None:
    """Refuse a model with a field that has no place.

    Raises:
        ConfigurationError: there is one.

    """
    for path in _leaves(model.spec, ("spec",)):
        if not any(path[: len(known)] == known for known in PLACES):
            raise ConfigurationError(
                f"{model.ref}: nothing becomes of {format_path(path)} in a cluster without the ployd package",
                remedy="Remove the field, or use a version of ployd-policy that knows it.",
            )


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths down to what is no mapping, or an empty one."""
    if isinstance(value, Mapping) and value:
        for key, member in value.items():
            yield from _leaves(member, (*path, key))
    else:
        yield path
