"""llm-d-planner's estimator on the same launches: made ready, asked, compared. What it runs is peer.py beside this."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cases

from ployd_policy import capacity
from ployd_policy.capacity import launch

HERE = Path(__file__).parent
GIB = launch.GIB
PEER = "llm-d-planner[estimation]==0.3.3"
ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "qwen2_moe": "Qwen2MoeForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "gemma": "GemmaForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3": "Gemma3ForCausalLM",
    "deepseek_v2": "DeepseekV2ForCausalLM",
    "granite": "GraniteForCausalLM",
}
Row = Mapping[str, Any]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Median and p90, interpolated as statistics.quantiles does inclusively."""
    if len(values) < 2:  # noqa: PLR2004 - what quantiles need
        return {"n": len(values)}
    ninety = statistics.quantiles(values, n=10, method="inclusive")[8]
    return {"n": len(values), "median": round(statistics.median(values), 3), "p90": round(ninety, 3)}


def made() -> Path:
    """A Python with the peer, in the cache of this project's programs; made on the first call, which needs PyPI."""
    cache = Path(os.environ.get("PLOYD_POLICY_CACHE") or Path.home() / ".cache" / "ployd-policy")
    place = cache / "peers" / PEER.replace("[", "-").replace("]", "-")
    python = place / "bin" / "python"
    if not (place / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
        (place / "done").touch()
    return python


def peer(rows: Sequence[Row], known: capacity.Catalogue, python: str | None) -> dict[str, Any]:
    """llm-d-planner's KV memory on the rows it can be asked, next to ours on the same rows.

    `python` is one that has it; empty text makes one, None leaves the peer out.
    """
    if python is None:
        return {"note": f"not run: --peer makes a virtual environment with {PEER}, or give it a Python that has it"}
    asked = [line for row in rows if (line := _line(row, known))]
    text = "".join(json.dumps(line) + "\n" for line in asked)
    done = subprocess.run(
        [python or made(), HERE / "peer.py"], input=text, capture_output=True, text=True, check=False, timeout=300
    )
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    if done.returncode or not answers:
        return {"note": f"the peer ended with {done.returncode}: {done.stderr.strip()[-200:]}"}
    theirs, ours = [], []
    for row in rows:
        answer = answers.get(row["id"], {})
        estimate = cases.predicted(row, known)
        if "kvGiB" in answer and estimate is not None:
            logged = row["kv_cache_gib_logged"]
            theirs.append(100 * abs(answer["kvGiB"] - logged) / abs(logged))
            ours.append(100 * abs(estimate.kv_available.expected / GIB - logged) / abs(logged))
    return {
        "asked": len(asked),
        "refused": sum("error" in answer for answer in answers.values()),
        "kvGiB": quantiles(theirs),
        "oursOnTheSameRows": quantiles(ours),
        "note": "weights are ours in both: the peer reads them from the Hub",
    }


def _line(row: Row, known: capacity.Catalogue) -> dict[str, Any] | None:
    estimate = cases.predicted(row, known)
    question = cases.asked(row, known)
    if estimate is None or question.shape is None:
        return None
    shape = question.shape
    config: dict[str, Any] = {
        "architectures": [ARCHITECTURES.get(shape.model_type, "Unknown")],
        "model_type": shape.model_type,
        "max_position_embeddings": shape.context,
    }
    if shape.experts:
        config["num_experts"] = shape.experts
    if shape.multimodal:
        config["vision_config"] = {}
    return {
        "id": row["id"],
        "config": config,
        "weightsGiB": estimate.weights.expected / GIB,
        "gpuGiB": row["gpu_memory_gib"],
        "utilization": estimate.settings.utilization,
        "tensor": question.launch.tensor_parallel,
        "pipeline": question.launch.pipeline_parallel,
        "length": estimate.settings.length,
    }
