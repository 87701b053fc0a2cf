"""The overview's examples: accepted word for word, and no default gives them another meaning."""

from pathlib import Path

import pytest

OVERVIEW = Path(__file__).parents[3] / "fixtures" / "overview"
EXAMPLES = {
    "short-model-deployment": "ModelDeployment",
    "model-deployment": "ModelDeployment",
    "gateway-route": "GatewayRoute",
    "canary-deployment": "CanaryDeployment",
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_accepted(read, verdict, example):
    (value,) = read(OVERVIEW / f"{example}.yaml")
    assert value["kind"] == EXAMPLES[example]
    assert verdict(value).violations == ()


@pytest.mark.go
@pytest.mark.parametrize("example", EXAMPLES)
def test_accepted_by_the_api_server(read, verdict, api_server, example):
    (value,) = read(OVERVIEW / f"{example}.yaml")
    (answer,) = api_server(EXAMPLES[example], {"object": value})["answers"]
    assert (answer["decode"], answer["unknown"], answer["errors"]) == ("", [], [])
    assert answer["object"] == verdict(value).object


def test_defaults_say_nothing_an_example_did_not_mean(read, verdict):
    added = {}
    for example in EXAMPLES:
        (value,) = read(OVERVIEW / f"{example}.yaml")
        added[example] = sorted(new_fields(value, verdict(value).object))
    assert added == {
        "short-model-deployment": [],
        "model-deployment": [],
        "gateway-route": ["spec.models[0].fallback = False", "spec.pathType = 'Prefix'"],
        "canary-deployment": [],
    }


def new_fields(before, after, path=""):
    """`path = value` of everything in `after` that is not in `before`."""
    for key, value in after.items() if isinstance(after, dict) else enumerate(after):
        place = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".strip(".")
        if isinstance(before, dict) and key not in before:
            yield f"{place} = {value!r}"
        elif isinstance(value, dict | list):
            yield from new_fields(before[key], value, place)
