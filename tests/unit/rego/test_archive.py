"""The bundle as OPA gets it."""

import gzip
import io
import json
import tarfile

from ployd_policy.rego import bundle_archive, load_bundle

LEGACY = 'package kubernetes.admission\n\ndeny[msg] {\n  msg := "é"\n}\n'


def members(archive):
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar}


def test_the_archive_holds_what_the_bundle_is(load, texts):
    bundle = load({texts.path: texts.rule, "/abs/old policy.rego": LEGACY}, {"ployd": {"gpus": {"a": 1}}, "teams": [1]})
    files = members(bundle_archive(bundle))
    assert list(files) == [
        "/.manifest",
        "/data.json",
        "/policies/0000-old_policy.rego",
        "/policies/0001-replicas.rego",
        "/policies/0002-main.rego",
    ]
    assert json.loads(files["/.manifest"]) == {
        "revision": bundle.digest,
        "roots": ["kubernetes", "ployd", "teams"],
        "rego_version": 1,
        "file_rego_versions": {"/policies/0000-old_policy.rego": 0},
    }
    assert json.loads(files["/data.json"]) == {
        "ployd": {"gpus": {"a": 1}, "bundle": {"digest": bundle.digest}},
        "teams": [1],
    }
    assert files["/policies/0000-old_policy.rego"] == LEGACY
    assert files["/policies/0001-replicas.rego"] == texts.rule
    assert files["/policies/0002-main.rego"] == bundle.entrypoint.text


def test_the_same_bundle_gives_the_same_bytes(load, texts):
    modules = [(texts.path, texts.rule), ("old.rego", LEGACY)]
    data = {"ployd": {"b": {"x": 1, "y": 2}, "a": 1}}
    again = {"ployd": {"a": 1, "b": {"y": 2, "x": 1}}}
    first = bundle_archive(load_bundle(modules, data))
    assert first == bundle_archive(load_bundle(reversed(modules), again))
    # No time and no name of a person or machine is in it.
    assert first[4:8] == b"\0\0\0\0"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first))) as tar:
        assert {(member.mtime, member.uid, member.uname) for member in tar} == {(0, 0, "")}
