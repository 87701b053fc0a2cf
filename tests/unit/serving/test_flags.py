"""What a version makes of a flag, by the differences between the releases that were read."""

import pytest

from ployd_policy.serving.flags import checked
from ployd_policy.serving.server import Argument

RELEASES = {
    "0.8.5.post1": {"flagsAdded": ["dtype", "disable-log-requests", "swap-space"]},
    "0.11.0": {"flagsAdded": ["enable-log-requests"]},
    "0.20.0": {"flagsAdded": ["grpc"], "flagsRemoved": ["disable-log-requests"]},
}


def status(flag, version):
    (found,) = checked([Argument(flag=flag, path=("x",))], version, RELEASES)
    return found["status"], found["since"]


@pytest.mark.parametrize(
    ("flag", "version", "expected"),
    [
        ("dtype", "0.20.0", ("known", "")),
        ("no-dtype", "0.20.0", ("known", "")),
        ("enable-log", "0.20.0", ("known", "")),
        ("disable-log-requests", "0.11.0", ("known", "")),
        ("disable-log-requests", "0.20.0", ("removed", "0.20.0")),
        ("disable-log-requests", "0.25.1", ("removed", "0.20.0")),
        # Gone somewhere between two releases that were read: nobody knows here in which.
        ("disable-log-requests", "0.15.0", ("unchecked", "")),
        ("grpc", "0.11.0", ("later", "0.20.0")),
        ("grpc", "0.12.0", ("unchecked", "")),
        ("grpc", "0.8.5", ("later", "0.20.0")),
        ("dtypes", "0.11.0", ("unknown", "")),
        ("dtypes", "0.12.0", ("unknown", "")),
        # A release newer than all that were read may have brought it.
        ("dtypes", "0.21.0", ("unchecked", "")),
        ("dtype", "0.21.0", ("known", "")),
        ("dtype", "", ("unchecked", "")),
        ("dtype", "0.6.0", ("unchecked", "")),
    ],
)
def test_status_of_a_flag(flag, version, expected):
    assert status(flag, version) == expected


def test_a_flag_that_is_gone_offers_its_like():
    (found,) = checked([Argument(flag="disable-log-requests", path=())], "0.20.0", RELEASES)
    assert found["like"] == ["enable-log-requests"]


def test_the_shipped_releases_know_what_the_facts_say(known):
    releases = known.vllm["versions"]
    said = {
        flag: next(iter(checked([Argument(flag=flag, path=())], "0.33.0", releases)))["status"]
        for flag in ("disable-log-requests", "swap-space", "calculate-kv-scales", "shutdown-timeout", "max-model-len")
    }
    assert said == {
        "disable-log-requests": "removed",
        "swap-space": "removed",
        "calculate-kv-scales": "removed",
        "shutdown-timeout": "known",
        "max-model-len": "known",
    }
