"""Whether what is there still is what was applied."""

from typing import Any

import pytest

from ployd_policy.sdk.kubernetes.compare import covers


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ({"a": 1, "added": 2}, {"a": 1}),
        ({"cpu": "4"}, {"cpu": "4000m"}),
        ({"limits": {"nvidia.com/gpu": "2"}}, {"limits": {"nvidia.com/gpu": 2}}),
        ({}, {"podSelector": {}, "ingress": []}),
        ([{"name": "b", "x": 1}, {"name": "a", "y": 2}], [{"name": "a"}]),
        ([{"port": 80, "protocol": "TCP"}], [{"port": 80}]),
    ],
)
def test_what_servers_add_or_write_otherwise_is_no_change(there: Any, wanted: Any) -> None:
    assert covers(there, wanted)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ({"a": 2}, {"a": 1}),
        ({}, {"a": 1}),
        ({"a": True}, {"a": 1}),
        ({"a": "1Gi"}, {"a": "1G"}),
        ([{"name": "a", "x": 1}], [{"name": "a", "x": 2}]),
        ([{"name": "b"}], [{"name": "a"}]),
        ([1, 2], [1]),
        ("x", {"a": 1}),
    ],
)
def test_what_somebody_changed_is_seen(there: Any, wanted: Any) -> None:
    assert not covers(there, wanted)
