"""What the reconciler's conditions mean to a rollout."""

from typing import Any

import pytest

from ployd_policy.assembly.rollout_cluster import state_of
from ployd_policy.rollout.ports import Health, State


def resource(*, observed: int = 2, findings: tuple[dict[str, str], ...] = (), **conditions: tuple[str, str]) -> Any:
    return {
        "metadata": {"name": "one", "generation": 2},
        "status": {
            "observedGeneration": observed,
            "conditions": [
                {"type": name, "status": status, "message": message} for name, (status, message) in conditions.items()
            ],
            "findings": list(findings),
        },
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            resource(Ready=("True", "2 of 2 replicas are ready")),
            State(health=Health.HEALTHY, message="2 of 2 replicas are ready"),
        ),
        (
            resource(Ready=("False", "1 of 2 replicas are ready")),
            State(health=Health.MOVING, message="1 of 2 replicas are ready"),
        ),
        (
            resource(observed=1, Ready=("True", "")),
            State(health=Health.MOVING, message="no reconciler has looked at it yet"),
        ),
        (
            resource(Ready=("False", "x"), Stalled=("True", "image cannot be pulled")),
            State(health=Health.FAILED, message="image cannot be pulled"),
        ),
        (
            resource(
                Ready=("False", "x"),
                Stalled=("True", "[gpu.tensor_parallel] vLLM needs 4 GPUs"),
                findings=({"rule": "gpu.tensor_parallel", "remedy": "Set it to 2."},),
            ),
            State(health=Health.FAILED, message="[gpu.tensor_parallel] vLLM needs 4 GPUs Set it to 2."),
        ),
        (
            resource(Ready=("True", "2 of 2"), RolledBack=("True", "generation 1 serves again")),
            State(health=Health.FAILED, message="generation 1 serves again"),
        ),
    ],
    ids=["ready", "moving", "older", "stalled", "denied", "rolled back"],
)
def test_conditions_of_the_current_generation_count(value: Any, expected: State) -> None:
    assert state_of(value) == expected


def test_a_resource_without_a_status_is_on_its_way() -> None:
    assert state_of({"metadata": {"name": "one", "generation": 1}}).health is Health.MOVING
