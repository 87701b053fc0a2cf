"""The receipt depends on what the author decided, and on nothing else."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ployd_policy.engine.receipt import canonical, essence, receipt

OBJECT = {
    "apiVersion": "ployd.ai/v1",
    "kind": "ModelDeployment",
    "metadata": {"name": "llama", "namespace": "models", "labels": {"team": "nlp"}},
    "spec": {"resources": {"gpu": {"count": 2}}},
}


def digest(value, environment="production", bundle="sha256:b"):
    return receipt(value, environment=environment, bundle=bundle, inventory="").digest


def with_metadata(**changes):
    return {**OBJECT, "metadata": {**OBJECT["metadata"], **changes}}


def test_known_digest():
    # sha256 of the canonical text, computed with sha256sum.
    text = (
        '{"bundle":"sha256:b","environment":"production","object":{"apiVersion":"ployd.ai/v1","kind":"ModelDeployment",'
        '"metadata":{"labels":{"team":"nlp"},"name":"llama","namespace":"models"},"spec":{"resources":{"gpu":{"count":2}}}}}'
    )
    assert canonical({"object": essence(OBJECT), "environment": "production", "bundle": "sha256:b"}) == text.encode()
    assert digest(OBJECT) == "sha256:f511b4629baf6cf53f405e2c45f804e5fda1197b467ee889efe9efe3b405c8d6"


@pytest.mark.parametrize(
    "same",
    [
        with_metadata(uid="1", resourceVersion="7", generation=3, creationTimestamp="2026-01-01T00:00:00Z"),
        with_metadata(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"}),
        with_metadata(annotations={"argocd.argoproj.io/sync-wave": "1"}),
        with_metadata(managedFields=[{"manager": "kubectl"}], finalizers=["x/y"], ownerReferences=[]),
        {**OBJECT, "status": {"phase": "Ready"}},
        dict(reversed(OBJECT.items())),
    ],
)
def test_what_servers_and_tools_add_changes_nothing(same):
    assert digest(same) == digest(OBJECT)


@pytest.mark.parametrize(
    "different",
    [
        with_metadata(name="other"),
        with_metadata(namespace="other"),
        with_metadata(labels={"team": "vision"}),
        with_metadata(annotations={"ployd.ai/owner": "me"}),
        with_metadata(annotations={"policy.ployd.ai/owner": "me"}),
        {**OBJECT, "spec": {"resources": {"gpu": {"count": 3}}}},
        {**OBJECT, "data": {"key": "value"}},
        {**OBJECT, "apiVersion": "ployd.ai/v2"},
    ],
)
def test_what_the_author_decides_changes_it(different):
    assert digest(different) != digest(OBJECT)


def test_environment_and_bundle_are_part_of_it():
    assert len({digest(OBJECT), digest(OBJECT, environment="dev"), digest(OBJECT, bundle="sha256:c")}) == 3


def test_an_annotation_domain_that_only_ends_like_ours_is_not_ours():
    assert digest(with_metadata(annotations={"notployd.ai/owner": "me"})) == digest(OBJECT)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [True, None, 'é\u2028\x7f\n"\\']},
        {"float": 1e21, "small": 1e-7, "whole": 1.0},
        {"\U0001f600": 1, "\ufb33": 2},
        {"é": 1, "z": 2},
    ],
)
def test_canonical_form_is_rfc_8785(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_written_as_the_rfc_says(value):
    assert canonical({"v": value}) == rfc8785.dumps({"v": value})


def test_integers_beyond_the_rfc_stay_exact():
    assert canonical({"v": 12345678901234567890}) == b'{"v":{"$int":"12345678901234567890"}}'
    assert canonical({"v": 2**53 - 1}) == json.dumps({"v": 2**53 - 1}, separators=(",", ":")).encode()
