"""What a deployment takes beside GPU memory: host memory, time to start, GPU-hours, money. Constants are data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.capacity.interval import Interval, spread
from ployd_policy.capacity.launch import GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """GPUs and their price for an hour, at the least and the most replicas. No price where the GPU has none."""

    gpus: tuple[int, int]
    price: tuple[float, float] | None
    currency: str

    def to_json(self) -> dict[str, Any]:
        """JSON-able; price null where it is not known."""
        price = None if self.price is None else {"min": round(self.price[0], 4), "max": round(self.price[1], 4)}
        return {"gpuHours": {"min": self.gpus[0], "max": self.gpus[1]}, "price": price, "currency": self.currency}


def hourly(*, gpu: str, gpus: int, replicas: tuple[int, int], prices: Mapping[str, Any]) -> Hourly:
    """GPU-hours and cost of one hour: GPUs of a replica x replicas x price. Prices are the operator's."""
    least, most = (gpus * count for count in replicas)
    each = prices.get("perGpuHour", {}).get(gpu)
    price = None if each is None else (least * each, most * each)
    return Hourly(gpus=(least, most), price=price, currency=str(prices.get("currency", "")))


def host_memory(weights: float, *, data: Mapping[str, Any]) -> Interval:
    """Bytes of memory a pod needs: base + share x weights of the replica. Heuristic, facts/gpu-serving.md 1.5."""
    base, share = spread(data["memoryBaseGiB"]).times(GIB), spread(data["memoryShareOfWeights"]).times(weights)
    return base.plus(share)


def load_seconds(weights: float, *, data: Mapping[str, Any]) -> Interval:
    """Seconds until a replica answers: weights / bandwidth + start. An assumption until an operator measured it."""
    rates, start = data["readGiBPerSecond"], spread(data["startSeconds"])
    reading = [weights / GIB / rate for rate in rates]
    return spread((reading[0], reading[1], reading[2])).plus(start)
