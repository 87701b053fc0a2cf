"""What rules need to know about each vLLM server of an object, as JSON. Any object gives an answer; none raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ployd_policy import capacity
from ployd_policy.capacity import Architecture, Catalogue, Estimate, Gpu, Launch, Refusal, estimate
from ployd_policy.serving import described, flags, remedies
from ployd_policy.serving.question import Question, copies_of, question_of
from ployd_policy.serving.read import servers_of
from ployd_policy.serving.server import Written


def facts_for(obj: Any, known: Catalogue) -> dict[str, Any]:
    """`{"servers": [...]}`: the figures, refusals and verdict of each vLLM server of the object, in its order.

    The shape is docs/architecture.md's, "Contract: what rules know about model servers".
    """
    questions = [question_of(server, known) for server in servers_of(obj, known.node_labels)]
    return {"servers": [facts_of(question, estimate_of(question, known), known) for question in questions]}


def estimate_of(question: Question, known: Catalogue) -> Estimate | None:
    """The estimate of one server; None where its GPU, its model or a number the arithmetic needs is not known."""
    if question.known_gpu is None or question.shape is None or question.unclear:
        return None
    return estimate(question.launch, question.shape, question.known_gpu, known)


def facts_of(question: Question, found: Estimate | None, known: Catalogue) -> dict[str, Any]:
    """The facts of one server, `found` being its `estimate_of`; see `facts_for`."""
    asked, shape, gpu = question.launch, question.shape, question.known_gpu
    facts = _described(question, known) | _host(_checkpoint_bytes(shape, asked, gpu, known), known)
    if found is not None and gpu is not None and shape is not None:
        facts["version"]["engine"] = found.settings.engine
        return facts | _judged(found, question, shape, gpu, known)
    refused = capacity.refusals(asked, shape, gpu, known)
    return facts | {
        "refusals": _refused(refused),
        "verdict": "FAILS" if refused else "UNKNOWN",
        "deciding": refused[0].term if refused else "",
        "estimate": None,
        "remedies": {"tensorParallelSizes": [], "fittingTensorParallelSizes": [], "maxModelLen": 0, "gpus": []},
    }


def _described(question: Question, known: Catalogue) -> dict[str, Any]:
    """What is written, and what the catalogue says of it."""
    server, asked, gpu = question.server, question.launch, question.known_gpu
    copies = copies_of(server)
    used = asked.tensor_parallel * asked.pipeline_parallel * copies
    count = described.gpu_count(server)
    return {
        "owner": server.owner,
        "kind": server.kind,
        "path": list(server.path),
        "version": {
            "text": asked.version,
            "path": list(server.version.path),
            "image": server.image.text,
            "engine": "",
            "cuda": capacity.cuda_of(known, asked.version),
        },
        "settings": _placed(server.settings),
        "arguments": list(flags.checked(server.arguments, asked.version, known.vllm.get("versions", {}))),
        "environment": _placed(server.environment),
        "gpu": described.gpu_facts(question.gpu, server, count),
        "model": question.model,
        "parallel": {
            "tensor": asked.tensor_parallel,
            "pipeline": asked.pipeline_parallel,
            "copies": copies,
            "gpus": used,
        },
        "requires": capacity.requirements(known, gpu, asked),
        "hourly": None
        if gpu is None
        else capacity.hourly(gpu=gpu.name, gpus=count or used, replicas=server.replicas, prices=known.prices).to_json(),
    }


def _placed(written: Mapping[str, Written]) -> dict[str, Any]:
    return {name: {"value": found.value, "path": list(found.path)} for name, found in written.items()}


def _refused(found: Sequence[Refusal]) -> list[dict[str, str]]:
    return [{"term": refusal.term, "text": refusal.text} for refusal in found]


def _judged(found: Estimate, question: Question, shape: Architecture, gpu: Gpu, known: Catalogue) -> dict[str, Any]:
    asked, settings = question.launch, found.settings
    return {
        "refusals": _refused(found.refusals),
        "verdict": str(found.verdict),
        "deciding": found.deciding,
        "estimate": found.to_json()
        | {
            "settings": {
                "utilization": settings.utilization,
                "maxNumSeqs": settings.sequences,
                "maxNumBatchedTokens": settings.batched,
                "maxModelLen": settings.length,
            }
        },
        "remedies": remedies.remedies_for(found, asked, shape, gpu, known, copies=copies_of(question.server)),
    }


def _host(weights: float, known: Catalogue) -> dict[str, Any]:
    """What the host needs for so many bytes of weights of one replica; nothing where they are not known."""
    if not weights:
        return {"weightsGiB": 0, "hostMemoryGiB": None, "loadSeconds": None}
    data = known.vllm["host"]
    return {
        "weightsGiB": round(weights / capacity.GIB, 3),
        "hostMemoryGiB": capacity.host_memory(weights, data=data).times(1 / capacity.GIB).to_json(),
        "loadSeconds": capacity.load_seconds(weights, data=data).to_json(),
    }


def _checkpoint_bytes(shape: Architecture | None, asked: Launch, gpu: Gpu | None, known: Catalogue) -> float:
    """Bytes of the whole checkpoint, wherever its parts end up; they are the model's, so any GPU stands in for none."""
    stand_in = gpu or next(iter(known.gpus.values()), None)
    if shape is None or stand_in is None:
        return 0.0
    alone = replace(asked, tensor_parallel=1, pipeline_parallel=1, cpu_offload_bytes=0)
    return estimate(alone, shape, stand_in, known).weights.expected
