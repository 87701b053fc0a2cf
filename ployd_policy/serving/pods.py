"""The vLLM servers of a pod, recognised by image or command, in every built-in kind that carries a pod."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ployd_policy.capacity.names import gpu_name
from ployd_policy.serving import command_line
from ployd_policy.serving.server import Path, Server, Written, at, count, items, mapping, text

# Where the pod specification is inside each kind, by group and kind. Rules have the same table: lib/workload.
_POD_PATHS: Mapping[tuple[str, str], Path] = {
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template", "spec"),
    ("", "ReplicationController"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
}
# Resources that count GPUs: whole ones, shares of one, MIG slices; then whatever else NVIDIA's plugins may call theirs.
_GPU_RESOURCES = (
    re.compile(r"nvidia\.com/gpu(\.shared)?|nvidia\.com/mig-(?P<mig>.+)|amd\.com/gpu"),
    re.compile(r"nvidia\.com/.+"),
)
# Images whose last name holds `vllm` and that serve no model.
_BESIDE = re.compile(r"router|exporter|bench|metrics|proxy|operator|sim\b")
_QUANTITY = re.compile(r"\d{1,9}")


def servers(obj: Any, *, group: str, kind: str, node_labels: Collection[str]) -> tuple[Server, ...]:
    """The servers of a workload; none where the kind carries no pod."""
    path = _POD_PATHS.get((group, kind))
    if path is None:
        return ()
    pod = mapping(at(obj, *(str(step) for step in path)))
    written = at(obj, "spec", "replicas")
    replicas = count(written) or int(isinstance(written, bool) or written != 0)  # unset is 1, 0 is none
    return tuple(_servers(pod, path, kind, replicas, node_labels))


def _servers(
    pod: Mapping[str, Any], path: Path, kind: str, replicas: int, node_labels: Collection[str]
) -> Iterator[Server]:
    for position, entry in enumerate(items(pod.get("containers"))):
        container, place = mapping(entry), (*path, "containers", position)
        image = Written(value=text(container.get("image")), path=(*place, "image"))
        name = text(container.get("name"))
        gpus = _gpus(container, place)
        for line in _command_lines(container, place, image.text):
            yield Server(
                owner=f"container {name}" if name else f"containers[{position}]",
                kind=kind,
                path=place,
                image=image,
                version=image,
                models=tuple(
                    line.settings[name]
                    for name in ("model", "served_model_name")
                    if name in line.settings and line.settings[name].text
                ),
                settings=line.settings,
                arguments=line.arguments,
                environment=dict(_environment(container, place)),
                gpu=_gpu(pod, path, gpus, node_labels),
                gpu_count=gpus,
                replicas=(replicas, replicas),
            )


def _command_lines(container: Mapping[str, Any], place: Path, image: str) -> list[command_line.CommandLine]:
    """Of each server the container's own command or arguments start, else of the image's where that is vLLM."""
    arguments = _list(container, "args", place)
    found = command_line.servers(_list(container, "command", place), arguments)
    if found or container.get("command") or not _serves_vllm(image):
        return found
    return [command_line.of_image(arguments)]


def _list(container: Mapping[str, Any], name: str, place: Path) -> list[Written]:
    return [Written(value=word, path=(*place, name, number)) for number, word in enumerate(items(container.get(name)))]


def _serves_vllm(image: str) -> bool:
    last = image.split("@", 1)[0].rsplit("/", 1)[-1].split(":", 1)[0]
    return "vllm" in last and not _BESIDE.search(last)


def _environment(container: Mapping[str, Any], place: Path) -> Iterator[tuple[str, Written]]:
    for position, variable in enumerate(items(container.get("env"))):
        name = text(mapping(variable).get("name"))
        if name:
            yield name, Written(value=mapping(variable).get("value"), path=(*place, "env", position))


def _gpus(container: Mapping[str, Any], place: Path) -> Written:
    """How many GPUs the container gets, with the place of the number; of requests where there is no limit."""
    for resource in _GPU_RESOURCES:
        for part in ("limits", "requests"):
            for name, value in mapping(at(container, "resources", part)).items():
                if resource.fullmatch(str(name)):
                    whole = int(value) if isinstance(value, str) and _QUANTITY.fullmatch(value) else value
                    return Written(value=whole, path=(*place, "resources", part, name))
    return Written(value=None, path=(*place, "resources", "limits"))


def _gpu(pod: Mapping[str, Any], path: Path, gpus: Written, node_labels: Collection[str]) -> Written:
    """The GPU's name by what the pod demands of its node, and the slice its resource names."""
    found = next(_node_labels(pod, path, node_labels), Written(value="", path=(*path, "nodeSelector")))
    labelled = gpu_name(found.text)
    resource = str(gpus.path[-1])
    slice_ = _GPU_RESOURCES[0].fullmatch(resource)
    if slice_ and slice_["mig"]:
        return Written(value=f"{labelled.whole}-MIG-{slice_['mig']}".lstrip("-"), path=gpus.path)
    if resource.endswith(".shared") and found.text and not labelled.shared:
        return Written(value=f"{found.text}-SHARED", path=gpus.path)
    return found


def _node_labels(pod: Mapping[str, Any], path: Path, names: Collection[str]) -> Iterator[Written]:
    """Labels that tell the GPU, from the selector, then from required affinity with a single value."""
    selector = mapping(pod.get("nodeSelector"))
    for name in names:
        if text(selector.get(name)):
            yield Written(value=selector[name], path=(*path, "nodeSelector", name))
    required = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    terms = items(at(pod, *required))
    if len(terms) != 1:  # terms are alternatives
        return
    for number, entry in enumerate(items(mapping(terms[0]).get("matchExpressions"))):
        expression = mapping(entry)
        values = items(expression.get("values"))
        if expression.get("key") in names and expression.get("operator") == "In" and len(values) == 1:
            place = (*path, *required, 0, "matchExpressions", number, "values", 0)
            yield Written(value=text(values[0]), path=place)
