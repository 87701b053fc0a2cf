"""How well the capacity model predicts real launches: errors of its figures, and its verdicts against what happened.

    .venv/bin/python benchmarks/capacity_accuracy/run.py [--cases FILE] [--json] [--fit] [--peer PYTHON]

Every figure is given twice: with the constants as they ship, and with constants fitted without the row's own source.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import against
import cases
import fit
import yaml

from ployd_policy import capacity
from ployd_policy.capacity import checks, launch

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "policies" / "data"
GIB = launch.GIB
OTHER_PROCESS = "less than desired GPU memory utilization"
DIVISIBLE = "divisible"
MEMORY = {"oom", "kv_too_small"}
Row = Mapping[str, Any]


def main() -> int:
    """Read the rows, predict them, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--cases", type=Path, default=HERE / "cases.jsonl", help="JSON lines; see README.md")
    parser.add_argument("--json", action="store_true", help="rows and a summary as JSON")
    parser.add_argument("--fit", action="store_true", help="print the fitted constants and stop")
    parser.add_argument(
        "--peer",
        nargs="?",
        const="",
        help="run the peer too, under this Python that has it; without one a virtual environment is made in the cache",
    )
    options = parser.parse_args()
    rows, ours = read(options.cases), read(HERE / "cases.jsonl")
    data = {stem: yaml.safe_load((DATA / f"{stem}.yaml").read_text()) for stem in ("gpus", "models", "vllm", "prices")}
    if options.fit:
        print(yaml.safe_dump(fit.fitted(ours, data)["vllm"]["overheads"], sort_keys=False, default_flow_style=None))
        return 0
    known = capacity.catalogue(data)
    shipped = {row["id"]: report(row, known) for row in rows}
    left_out = leave_one_out(rows, ours, data)
    result = {
        "rows": [{**shipped[row["id"]], "leftOut": left_out[row["id"]]} for row in rows],
        "summary": {
            "filters": filters(rows),
            "fitted": summary(rows, shipped),
            "leaveOneSourceOut": summary(rows, left_out),
            "peer": against.peer(asked_of_peer(rows), known, options.peer),
        },
    }
    print(json.dumps(result, indent=1) if options.json else page(result["summary"]))
    return 0


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines, each with every field that is read here."""
    return cases.normal(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def group(row: Row) -> str:
    """What a row must not be judged by: rows of one campaign or page; a row that names none is its own."""
    return str(row["extra"].get("source_group") or row["source"] or f"row {row['id']}")


def leave_one_out(rows: Sequence[Row], ours: Sequence[Row], data: Mapping[str, Any]) -> dict[Any, Any]:
    """Reports with constants that never saw the row's group."""
    found = {}
    for name in sorted({group(row) for row in rows}):
        known = capacity.catalogue(fit.fitted([row for row in ours if group(row) != name], data))
        found |= {row["id"]: report(row, known) for row in rows if group(row) == name}
    return found


def report(row: Row, known: capacity.Catalogue) -> dict[str, Any]:
    """One row: predicted, logged, error in percent of what was logged."""
    estimate = cases.predicted(row, known)
    base: dict[str, Any] = {"id": row["id"], "outcome": row["outcome"]}
    if estimate is None:
        return {**base, **_static(row, known)}
    hybrid = estimate.hybrid
    pairs = {
        "weightsGiB": (estimate.weights.times(1 / GIB), row["weights_gib_logged"]),
        "kvGiB": (estimate.kv_available.times(1 / GIB), row["kv_cache_gib_logged"]),
        "kvTokens": (estimate.kv_tokens, None if hybrid else row["kv_tokens_logged"]),
    }
    return {
        **base,
        "verdict": str(estimate.verdict),
        "deciding": estimate.deciding,
        "hybrid": hybrid,
        "predicted": {name: interval.to_json() for name, (interval, _) in pairs.items()},
        "logged": {name: logged for name, (_, logged) in pairs.items()},
        "errorPercent": {
            name: round(100 * (interval.expected - logged) / abs(logged), 3) if logged else None
            for name, (interval, logged) in pairs.items()
        },
    }


def _static(row: Row, known: capacity.Catalogue) -> dict[str, Any]:
    """Rows without a known GPU or model: refusals that need neither, else no verdict."""
    question = cases.asked(row, known)
    refusals = []
    if question.shape is not None:
        refusals += checks.dividing(question.shape, tensor=question.launch.tensor_parallel)
        refusals += checks.length(question.shape, question.launch)
    if question.gpu is not None and question.shape is None:
        settings = launch.settle(question.launch, capacity.Architecture(**_BLANK), question.gpu, known.vllm)
        refusals += checks.quantized(question.gpu, settings, known.vllm)
    if not refusals:
        return {"verdict": None, "missing": question.missing}
    return {"verdict": "FAILS", "deciding": refusals[0].term, "missing": question.missing}


_BLANK: dict[str, Any] = {"layers": 1, "hidden": 1, "heads": 1, "kv_heads": 1, "head_dim": 1}


def excluded(row: Row) -> str:
    """Why a row's outcome says nothing about the model, or nothing."""
    if OTHER_PROCESS in (row["error_text"] or ""):
        return "another process held the memory"
    if row["outcome"] == "other" and DIVISIBLE not in (row["error_text"] or ""):
        return "failed for neither memory nor shape"
    return ""


def filters(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Rows left out of verdicts, by reason."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if reason := excluded(row):
            found.setdefault(reason, []).append(row["id"])
    return found


def summary(rows: Sequence[Row], reports: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    """Errors by figure and verdicts by outcome."""
    named = [row for row in rows if row["model"] and row["gpu"]]
    judged = [row for row in rows if reports[row["id"]]["verdict"] and not excluded(row)]
    verdict: Callable[[Row], str] = lambda row: reports[row["id"]]["verdict"]  # noqa: E731
    failed = [row for row in judged if row["outcome"] != "ok"]
    ran = [row for row in judged if row["outcome"] == "ok"]
    sure = [row for row in failed if row["outcome"] in MEMORY and row["confidence"] == "high"]
    table = Counter((("ran" if row["outcome"] == "ok" else "failed"), verdict(row)) for row in judged)
    return {
        "coverage": _share([row for row in named if reports[row["id"]]["verdict"]], named),
        "errorsPercent": {name: _errors(rows, reports, name) for name in ("weightsGiB", "kvGiB", "kvTokens")},
        "verdicts": {f"{outcome} {word}": count for (outcome, word), count in sorted(table.items())},
        "failuresCalled": _share([row for row in failed if verdict(row) != "FITS"], failed),
        "workingDenied": _share([row for row in ran if verdict(row) == "FAILS"], ran),
        "uncertain": _share([row for row in judged if verdict(row) == "UNCERTAIN"], judged),
        "highConfidenceMemoryFailuresThatFit": [row["id"] for row in sure if verdict(row) == "FITS"],
    }


def _share(part: Sequence[Row], whole: Sequence[Row]) -> dict[str, float]:
    return {"count": len(part), "of": len(whole), "share": round(len(part) / len(whole), 4) if whole else 0.0}


def _errors(rows: Sequence[Row], reports: Mapping[Any, Mapping[str, Any]], name: str) -> dict[str, float]:
    values = [reports[row["id"]].get("errorPercent", {}).get(name) for row in rows if not excluded(row)]
    return against.quantiles([abs(value) for value in values if value is not None])


def asked_of_peer(rows: Sequence[Row]) -> list[Row]:
    """The rows whose cache vLLM logged, and whose failure says something."""
    return [row for row in rows if row["kv_cache_gib_logged"] and not excluded(row)]


def page(found: Mapping[str, Any]) -> str:
    """The summary for a person."""
    lines = []
    for title, key in (("Constants as shipped", "fitted"), ("Without the row's own source", "leaveOneSourceOut")):
        part = found[key]
        lines += [title, f"  predicted of those that name model and GPU   {_shown(part['coverage'])}"]
        for name, error in part["errorsPercent"].items():
            shown = f"median {error.get('median', 0):.2f} %, p90 {error.get('p90', 0):.2f} %, {error['n']} rows"
            lines.append(f"  {name:<12} {shown}")
        lines += [f"  {word:<18} {count}" for word, count in part["verdicts"].items()]
        lines += [
            f"  failures called    {_shown(part['failuresCalled'])}",
            f"  working denied     {_shown(part['workingDenied'])}",
            f"  uncertain          {_shown(part['uncertain'])}",
            f"  high-confidence memory failures said to fit: {part['highConfidenceMemoryFailuresThatFit'] or 'none'}",
            "",
        ]
    lines += [f"Left out of verdicts: {reason}: {ids}" for reason, ids in found["filters"].items()]
    lines.append(f"Peer llm-d-planner: {json.dumps(found['peer'])}")
    return "\n".join(lines)


def _shown(share: Mapping[str, float]) -> str:
    return f"{share['count']} of {share['of']} ({100 * share['share']:.1f} %)"


if __name__ == "__main__":
    sys.exit(main())
