"""What the loop does with what nobody thought of."""

import asyncio
import json
from typing import Any

from ployd_policy.log import configure
from ployd_policy.reconciler.controller import Controller
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.ports import Key


class FakeWorld:
    """Two resources, of which one is good."""

    def __init__(self) -> None:
        self.seen: list[Key] = []
        self.both = asyncio.Event()

    def resource(self, key: Key) -> dict[str, Any] | None:
        self.seen.append(key)
        if len(self.seen) == 2:
            self.both.set()
        return None if key[2] == "good" else {"kind": "ModelDeployment", "metadata": {"name": "bad"}}

    def every(self) -> list[Key]:
        return []


def test_one_resource_that_breaks_a_round_keeps_nobody_from_the_others(capfd: Any) -> None:
    world, metrics = FakeWorld(), Metrics()
    nothing: Any = None

    async def work() -> None:
        controller = Controller(
            judge=nothing,
            world=world,
            writer=nothing,
            backend=nothing,
            revisions=nothing,
            fence=lambda: None,
            log=configure("info"),
            metrics=metrics,
        )
        for name in ("bad", "good"):
            controller.queue.add(("ModelDeployment", "team", name))
        task = asyncio.create_task(controller.run(1))
        await asyncio.wait_for(world.both.wait(), 5)
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())
    assert [key[2] for key in world.seen] == ["bad", "good"]
    text = metrics.text().decode()
    assert 'ployd_policy_reconcile_total{kind="ModelDeployment",result="error"} 1.0' in text
    assert 'ployd_policy_reconcile_total{kind="ModelDeployment",result="success"} 1.0' in text
    (line,) = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "not reconciled" in line]
    assert (line["level"], line["error"], line["key"]) == ("error", "KeyError", ["ModelDeployment", "team", "bad"])
    assert "KeyError: 'generation'" in line["trace"]
