"""The server of a ModelDeployment, from its fields. What is unset stays unset; the platform's defaults hold for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.serving import command_line
from ployd_policy.serving.server import Argument, Path, Server, Written, at, count, items, mapping, text

_VLLM: Path = ("spec", "model", "vllm")
# A field of spec.model.vllm that is no flag of the same name.
_EXTRA = "extraArgs"


def servers(obj: Any) -> tuple[Server, ...]:
    """The one server, none where the framework is not vLLM."""
    model = mapping(at(obj, "spec", "model"))
    if model.get("framework") != "vllm":
        return ()
    vllm = mapping(model.get("vllm"))
    words = enumerate(items(vllm.get(_EXTRA)))
    extra = command_line.flags([Written(value=word, path=(*_VLLM, _EXTRA, number)) for number, word in words])
    fields = {
        name: Written(value=value, path=(*_VLLM, name))
        for name, value in vllm.items()
        if name != _EXTRA and value is not None
    }
    stated = text(model.get("serverVersion"))
    image = Written(value=text(model.get("image")), path=("spec", "model", "image"))
    gpu = mapping(at(obj, "spec", "resources", "gpu"))
    return (
        Server(
            owner="the model server",
            kind="ModelDeployment",
            path=("spec", "model"),
            image=image,
            version=Written(value=stated, path=("spec", "model", "serverVersion")) if stated else image,
            models=tuple(
                Written(value=model[name], path=("spec", "model", name))
                for name in ("path", "name")
                if text(model.get(name))
            ),
            architecture=mapping(model.get("architecture")),
            settings={**extra.settings, **fields, **_revisions(model)},
            arguments=(
                *(Argument(flag=name.replace("_", "-"), path=written.path) for name, written in fields.items()),
                *extra.arguments,
            ),
            environment=dict(_environment(model)),
            gpu=Written(value=text(gpu.get("type")), path=("spec", "resources", "gpu", "type")),
            gpu_count=Written(value=gpu.get("count"), path=("spec", "resources", "gpu", "count")),
            fills_gpus=True,
            replicas=_replicas(mapping(at(obj, "spec", "scaling"))),
        ),
    )


def _revisions(model: Mapping[str, Any]) -> dict[str, Written]:
    names = {"revision": "revision", "codeRevision": "code_revision"}
    return {
        ours: Written(value=model[theirs], path=("spec", "model", theirs))
        for theirs, ours in names.items()
        if text(model.get(theirs))
    }


def _environment(model: Mapping[str, Any]) -> Iterator[tuple[str, Written]]:
    for position, variable in enumerate(items(model.get("env"))):
        name = text(mapping(variable).get("name"))
        if name:
            yield name, Written(value=mapping(variable).get("value"), path=("spec", "model", "env", position))


def _replicas(scaling: Mapping[str, Any]) -> tuple[int, int]:
    least = scaling.get("minReplicas", scaling.get("replicas"))
    lowest = 0 if least == 0 and not isinstance(least, bool) else count(least) or 1
    return lowest, max(lowest, count(scaling.get("maxReplicas")) or 1)
