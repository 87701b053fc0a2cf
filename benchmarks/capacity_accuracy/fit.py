"""The fitted constants anew, from logged figures of launches. What is fitted and what is not: docs/capacity.md.

Every constant is a median over at least two launches; with fewer the shipped one of a sibling stands in.
"""

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

import cases

from ployd_policy import capacity
from ployd_policy.capacity import graphs, launch, overhead

LEAST = 2
# The sampler is what peaked where the forward pass needs less than this share of the logged peak.
SAMPLER_PEAKS = 0.7


def fitted(rows: Iterable[Mapping[str, Any]], data: Mapping[str, Any]) -> dict[str, Any]:
    """The data files with constants as these rows alone give them."""
    rows = [row for row in rows if row["confidence"] != "low"]
    gpus, share = _totals(rows, data)
    bare = {**data, "gpus": {"gpus": gpus}}
    known = capacity.catalogue(bare)
    questions = [(row, cases.asked(row, known)) for row in rows]
    usable = [(row, found) for row, found in questions if found.shape is not None and found.gpu is not None]
    shipped = data["vllm"]["overheads"]
    eras = _eras(usable, known, shipped["eras"])
    low, _, high = shipped["visibleShare"]
    overheads = {
        **shipped,
        "visibleShare": [low, share or statistics.mean((low, high)), high],
        "eras": eras,
        "nonTorchGiB": _libraries(usable, shipped["nonTorchGiB"]),
        "contextLinkedGiB": _middle(shipped["contextLinkedGiB"], _linked(usable)),
        "cudaGraph": _graphs(usable, shipped["cudaGraph"]),
    }
    found = {**bare, "vllm": {**data["vllm"], "overheads": overheads}}
    overheads["surplusGiB"] = _surplus(rows, capacity.catalogue(found), shipped["surplusGiB"])
    return found


def _totals(rows: list[Mapping[str, Any]], data: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """GPUs with the total these rows logged, without where they logged none; the median share of the memory."""
    known = capacity.catalogue(data)
    seen: dict[str, list[float]] = {}
    for row in rows:
        total = row["extra"].get("total_gpu_memory_gib_logged")
        gpu = cases.asked(row, known).gpu
        if total and gpu is not None:
            seen.setdefault(gpu.name, []).append(total * 1024)
    gpus = {}
    shares = []
    for name, entry in data["gpus"]["gpus"].items():
        without = {key: value for key, value in entry.items() if key not in {"visibleMiB", "visibleSource"}}
        if name in seen:
            without |= {"visibleMiB": round(statistics.median(seen[name])), "visibleSource": "these rows"}
            shares.append(without["visibleMiB"] / entry["memoryMiB"])
        gpus[name] = without
    return gpus, min(1.0, statistics.median(shares)) if shares else 0.0


def _eras(usable: list[Any], known: capacity.Catalogue, eras: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sampler bytes by era, where the sampler peaks: (logged - what is beside it) / (sequences x vocabulary).

    Eras that share a shipped constant share the fitted one.
    """
    ratios: dict[float, list[float]] = {}
    for row, question in usable:
        peak = row["extra"].get("activation_peak_gib_logged")
        shape = question.shape
        if not peak or shape.multimodal or (not row["vllm_version"] and not row["engine"]):
            continue
        settings = launch.settle(question.launch, shape, question.gpu, known.vllm)
        if settings.version is None and settings.engine == "v1":
            continue
        data = known.vllm["overheads"]
        tensor = question.launch.tensor_parallel
        if overhead.forward_peak(shape, settings, tensor=tensor, data=data) < SAMPLER_PEAKS * peak * launch.GIB:
            rest = overhead.beside_sampler(shape, settings, tensor=tensor, data=data)
            ratio = (peak * launch.GIB - rest) / (settings.sequences * shape.vocabulary)
            ratios.setdefault(_era_key(settings, eras), []).append(ratio)
    middle = {key: statistics.median(found) for key, found in ratios.items() if len(found) >= LEAST}
    spare = max(middle.values()) if middle else 0.0
    return [{**era, "samplerBytes": middle.get(era["samplerBytes"], spare or era["samplerBytes"])} for era in eras]


def _era_key(settings: launch.Settings, eras: list[Mapping[str, Any]]) -> float:
    named = (era["samplerBytes"] for era in eras if era["name"] == settings.era["name"])
    return float(next(named, eras[0]["samplerBytes"]))


def _libraries(usable: list[Any], shipped: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, list[float]] = {}
    for row, question in usable:
        value = row["extra"].get("non_torch_gib_logged")
        if value is None or question.launch.pipeline_parallel > 1:
            continue
        if question.launch.tensor_parallel == 1:
            found.setdefault("single", []).append(value)
        elif question.gpu.link == "PCIe":
            found.setdefault("tensorPCIe", []).append(value)
        elif row["engine"] == "v0":
            found.setdefault("tensorNVLinkV0PerRank", []).append(value / question.launch.tensor_parallel)
        else:
            found.setdefault("tensorNVLink", []).append(value)
    # One launch here was split by layers: its constant is llm-d-planner's, facts/gpu-serving.md 3.2, and not fitted.
    middle = {kind: _middle(ends, found.get(kind, [])) for kind, ends in shipped.items() if kind != "pipeline"}
    return {**shipped, **middle}


def _linked(usable: list[Any]) -> list[float]:
    """GiB held before vLLM measured, of launches on several linked GPUs."""
    found = []
    for row, question in usable:
        total, free = (row["extra"].get(f"{name}_gib_logged") for name in ("total_gpu_memory", "initial_free"))
        several = question.launch.tensor_parallel * question.launch.pipeline_parallel > 1
        if total and free and several and question.gpu.link != "PCIe":
            found.append(total - free)
    return found


def _graphs(usable: list[Any], shipped: Mapping[str, Any]) -> dict[str, Any]:
    """GiB of a layer, of a model with experts, and the share of one of several GPUs, of launches under V1."""
    logged = [
        (question, value)
        for row, question in usable
        if (value := row["extra"].get("cuda_graph_gib_logged")) and _engine(row) == "v1"
        if not question.launch.adapters
    ]
    shares = _shares(logged)
    found: dict[str, list[float]] = {}
    for question, value in logged:
        whole = value / graphs.tensor_share(shares, question.launch.tensor_parallel)
        layers = question.shape.layers / question.launch.pipeline_parallel
        found.setdefault("experts" if question.shape.experts else "perLayer", []).append(
            whole if question.shape.experts else whole / layers
        )
    middle = {kind: _middle(shipped[kind], found.get(kind, [])) for kind in ("perLayer", "experts")}
    return {**shipped, **middle, "tensorShare": shares}


def _shares(logged: list[Any]) -> dict[str, float]:
    """The share that one of several GPUs takes of what a single one does, by launches of one model."""
    by_model: dict[Any, dict[int, list[float]]] = {}
    for question, value in logged:
        counts = by_model.setdefault((question.shape, question.launch.quantization), {})
        counts.setdefault(question.launch.tensor_parallel, []).append(value)
    ratios: dict[int, list[float]] = {}
    for counts in by_model.values():
        for count in counts:
            if count > 1 and 1 in counts:
                ratio = statistics.median(counts[count]) / statistics.median(counts[1])
                ratios.setdefault(count, []).append(ratio)
    return {str(count): statistics.median(each) for count, each in sorted(ratios.items()) if len(each) >= LEAST}


def _engine(row: Mapping[str, Any]) -> str:
    """The engine a row ran: as it says; V1 where it says nothing, as launches without a version are asked."""
    return str(row["engine"] or "v1")


def _surplus(rows: list[Mapping[str, Any]], known: capacity.Catalogue, shipped: float) -> float:
    """GiB that the cache had over what is expected, each source by its largest; nine of ten had no more."""
    largest: dict[str, float] = {}
    for row in rows:
        estimate = cases.predicted(row, known)
        if row["kv_cache_gib_logged"] is None or estimate is None:
            continue
        more = row["kv_cache_gib_logged"] - estimate.kv_available.expected / launch.GIB
        source = str(row["extra"].get("source_group") or row["source"])
        largest[source] = max(more, largest.get(source, more))
    if len(largest) < 10:  # noqa: PLR2004 - fewer have no ninth of ten
        return shipped
    return statistics.quantiles(largest.values(), n=10, method="inclusive")[8]


def _middle(ends: list[float], values: list[float]) -> list[float]:
    """The ends as shipped around the median of the values; the middle of the ends where there are too few."""
    low, _, high = ends
    middle = statistics.median(values) if len(values) >= LEAST else (low + high) / 2
    return [min(low, middle), middle, max(high, middle)]
