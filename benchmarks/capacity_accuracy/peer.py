"""llm-d-planner's estimate of one row a line; runs under a Python that has `llm-d-planner[estimation]`, not ours.

Standard input: JSON lines {"id", "config", "weightsGiB", "gpuGiB", "utilization", "tensor", "pipeline", "length"}.
The peer asks the Hub for sizes of weights; without a network it is handed ours, so only the rest is its own.
"""

import json
import sys
from types import SimpleNamespace

from planner import capacity_planner as planner

SIZES = {}
planner.model_memory_req = lambda name, *_, **__: SIZES[name]

for line in sys.stdin:
    row = json.loads(line)
    SIZES[str(row["id"])] = row["weightsGiB"] * row["tensor"] * row["pipeline"]
    config = SimpleNamespace(**row["config"])
    gpus = row["tensor"] * row["pipeline"]
    try:
        memory = planner.allocatable_kv_cache_memory(
            str(row["id"]),
            config,
            row["gpuGiB"],
            row["utilization"],
            tp=row["tensor"],
            pp=row["pipeline"],
            max_model_len=row["length"],
        )
        answer = {"id": row["id"], "kvGiB": memory / gpus}
    except Exception as error:  # noqa: BLE001 - a peer's failure is an answer
        answer = {"id": row["id"], "error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(answer) + "\n")
