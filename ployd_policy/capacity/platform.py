"""What platform.yaml must look like: what the platform sets by itself, and how models become objects of Kubernetes.

A schema only; the file says what each member is for.
"""

from collections.abc import Mapping
from typing import Any

from ployd_policy.capacity.shapes import COUNT, FLAG, POSITIVE, TEXT, WORDS, named, record, whole

_ANY_TEXT = {"type": "string"}
_LABELS = named(_ANY_TEXT)
_FACTOR = {"type": "number", "minimum": 1, "maximum": 100}
_PERIODS = whole(periodSeconds=POSITIVE, timeoutSeconds=POSITIVE, failureThreshold=POSITIVE)
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
_AMOUNT_OR_SHARE = {"anyOf": [COUNT, {"type": "string", "pattern": "^[0-9]{1,3}%$"}]}
_CIDR = {"type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"}
_PEER = record([], namespaces=_LABELS, pods=_LABELS, block=_CIDR, port=_PORT) | {
    "anyOf": [{"required": ["namespaces"]}, {"required": ["pods"]}, {"required": ["block"]}]
}


def _list(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": entry}


_PRESET = record(
    ["is"],
    unless=WORDS,
    **{"is": {"anyOf": [{"const": "gpus"}, {"type": "number"}, FLAG, {"type": "string"}]}},
)

_FRAMEWORK = whole(source=TEXT, settings=named(_PRESET))

_KUBERNETES = whole(
    cluster=_ANY_TEXT,
    images=_LABELS,
    imagePullSecrets=_list(whole(name=TEXT)),
    labels=whole(partOf=TEXT, costCentre=_ANY_TEXT),
    vllm=whole(
        command=WORDS,
        port=_PORT,
        health=TEXT,
        metrics=TEXT,
        offByDefault=WORDS,
        requestDefaults=whole(flag=TEXT, names=_LABELS),
        environment=_LABELS,
    ),
    environment=_LABELS,
    gpu=whole(
        resource=TEXT,
        migResource=TEXT,
        taint=_ANY_TEXT,
        productLabel=TEXT,
        sharedSuffix=_ANY_TEXT,
        products=named(WORDS),
    ),
    probes=whole(
        startup=whole(periodSeconds=POSITIVE, leastSeconds=POSITIVE, unknownSeconds=POSITIVE),
        liveness=_PERIODS,
        readiness=_PERIODS,
    ),
    stop=whole(preStopSeconds=COUNT, shutdownSeconds=COUNT, marginSeconds=COUNT, leastGraceSeconds=COUNT),
    rollout=whole(maxSurge=_AMOUNT_OR_SHARE, maxUnavailable=_AMOUNT_OR_SHARE, marginSeconds=COUNT),
    security=whole(runAsUser=POSITIVE, runAsGroup=COUNT, fsGroup=COUNT, readOnlyRootFilesystem=FLAG),
    storage=whole(
        sharedMemory=whole(baseGi=COUNT, perGPUGi=COUNT),
        cache=whole(path=TEXT, baseGi=POSITIVE, factor=_FACTOR),
        temporary=whole(path=TEXT, sizeGi=POSITIVE),
        models=whole(path=TEXT),
    ),
    network=whole(
        ingress=_list(_PEER),
        dns=_list(_PEER),
        outside=whole(port=_PORT, blocks=_list(record(["cidr"], cidr=_CIDR, **{"except": _list(_CIDR)}))),
        stores=_list(_PEER),
        identity=_list(_PEER),
    ),
    placement=whole(
        whenUnsatisfiable={"enum": ["ScheduleAnyway", "DoNotSchedule"]}, topologies=whole(nodes=TEXT, zones=TEXT)
    ),
    scaling=whole(
        prometheus=TEXT,
        pollingSeconds=POSITIVE,
        queueMetric=TEXT,
        gpuMetric=TEXT,
        queueQuery=TEXT,
        gpuQuery=TEXT,
        wakeQuery=_ANY_TEXT,
        longestDelaySeconds=POSITIVE,
    ),
    monitoring=whole(
        intervalSeconds=POSITIVE,
        labels=_LABELS,
        alerts=_list(whole(name=TEXT, expr=TEXT, severity=TEXT, summary=TEXT, **{"for": TEXT})),
    ),
)

PLATFORM = whole(frameworks=named(_FRAMEWORK), kubernetes=_KUBERNETES)
