"""Reviews gone wrong, and what must be true of every answer to one. `python scripts/fuzz_reviews.py 100000` runs them.

Input number N of a seed is always the same: a failure names both, and `mutated(N, seed)` makes it again.
"""

from __future__ import annotations

import copy
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ployd_policy.assembly import Setup, wire
from ployd_policy.engine import Door
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.webhook.answer import Answer
from ployd_policy.webhook.handler import Handler, WantedError

SEED = 20261124
FIXTURES = Path(__file__).parents[1] / "fixtures"
SOME_RULES = ("scaling.bounds", "route.weights_sum_100", "labels.required", "security.literal_secrets")
_GROUPS = ("rules/scaling", "rules/route", "rules/canary", "rules/pod", "rules/security", "rules/gpu")
_OPERATIONS = ("CREATE", "UPDATE", "DELETE", "CONNECT", "create", "", None, 1)
_SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 0.1, 1e308, -1e-308, 1.0),
    *("", " ", "a", "0", "true", "null", "NaN", "-1", "1e9", "100Gi", "a" * 300, "\u00e9", "e\u0301", "\ud800", "\x00"),
    *("\u202e", "../..", "/", "%2e%2e", "a/b", "{{x}}", "${x}", "\x1b[31m"),
    *("ployd.ai/v1", "v1", "ModelDeployment", "Namespace", "Scale"),
)
_KEYS = (
    *("metadata", "name", "namespace", "labels", "annotations", "spec", "status", "kind", "apiVersion", "finalizers"),
    *("deletionTimestamp", "ownerReferences", "generateName", "managedFields", "uid", "", "$int", "ployd.ai/note"),
)
_CHUNKS = (
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud800", b"null", b"NaN", b"Infinity", b"-Infinity"),
    *(b"1e999", b"9" * 5000, b"\xff", b"\xc3", b"\x00", b"\xef\xbb\xbf", b"\n", b"[" * 3000, b'{"a":' * 1200),
    *(b'"uid":"x",', b'"request":{},', b'"object":null,', b'"operation":"DELETE",', b'"allowed":true,'),
    *(b"//", b"/*", b"\xed\xa0\x80"),
)
_PATHS = re.compile(
    r"/api/v1/namespaces/[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
    r"|/apis/[a-z.]+/v[0-9a-z]+/namespaces/[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[a-z]+/[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
)
_SHOWN_WARNING = 120


class FuzzError(AssertionError):
    """An answer that must not be."""


@cache
def objects() -> list[dict[str, Any]]:
    """Objects of many kinds, right and wrong, from the fixtures of rules."""
    found = [
        document
        for group in _GROUPS
        for file in sorted((FIXTURES / group).rglob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
        if isinstance(document, dict) and isinstance(document.get("metadata"), dict) and "apiVersion" in document
    ]
    return [
        *found,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"ployd.ai/environment": "dev"}}},
        {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 3}},
        {"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "a"}, "spec": {"a": [{"name": "b"}]}},
    ]


def valid(chance: random.Random) -> dict[str, Any]:
    """A review as the API server sends it."""
    value = copy.deepcopy(chance.choice(objects()))
    group, _, version = str(value["apiVersion"]).rpartition("/")
    operation = chance.choice(("CREATE", "CREATE", "UPDATE", "UPDATE", "DELETE"))
    old = copy.deepcopy(chance.choice((value, value, chance.choice(objects()))))
    old |= {"apiVersion": value["apiVersion"], "kind": value["kind"]}
    resource = {"group": group, "version": version, "resource": f"{str(value['kind']).lower()}s"}
    scales = value["kind"] == "Scale"
    request = {
        "uid": f"{chance.getrandbits(64):016x}",
        "kind": {"group": group, "version": version, "kind": value["kind"]},
        "resource": {"group": "ployd.ai", "version": "v1", "resource": "modeldeployments"} if scales else resource,
        "subResource": "scale" if scales else "",
        "name": value["metadata"].get("name", ""),
        "namespace": chance.choice(("production", "dev", "team-a", "")),
        "operation": operation,
        "userInfo": {"username": "u", "groups": ["g"]},
        "object": None if operation == "DELETE" else value,
        "oldObject": None if operation == "CREATE" else old,
        "dryRun": False,
    }
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def mutated(number: int, seed: int = SEED) -> tuple[bytes, str]:
    """Input `number` of a seed, and how it was made: valid, structure, bytes or noise."""
    chance = random.Random(seed * 1_000_003 + number)  # noqa: S311 - the same ones every time
    review = valid(chance)
    way = chance.choices(("valid", "structure", "bytes", "noise"), (5, 72, 18, 5))[0]
    if way == "structure":
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            _mutate(review, chance)
    text = json.dumps(review, ensure_ascii=chance.choice((True, True, True, False))).encode("utf-8", "surrogatepass")
    if way == "bytes":
        for _ in range(chance.choice((1, 1, 2, 4))):
            text = _damage(text, chance)
    if way == "noise":
        text = chance.choice((chance.randbytes(chance.randrange(400)), b"".join(chance.choices(_CHUNKS, k=9))))
    return text, way


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every member."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def _mutate(review: dict[str, Any], chance: random.Random) -> None:
    places = list(_places(review))
    if not places:
        return
    # Now and then the request's own members; most are the object's.
    near = [place for place in places if place[0] is review or place[0] is review.get("request")]
    container, key = chance.choice(chance.choice((near or places, *[places] * 7)))
    chance.choice(_MUTATIONS)(review, container, key, chance)


def _replace(_review: Any, container: Any, key: Any, chance: random.Random) -> None:
    container[key] = chance.choice(_SCALARS)


def _delete(_review: Any, container: Any, key: Any, _chance: random.Random) -> None:
    del container[key]


def _wrap(_review: Any, container: Any, key: Any, chance: random.Random) -> None:
    container[key] = chance.choice(([], {}, [container[key]], {"a": container[key]}, [[]] * 50))


def _graft(review: Any, container: Any, key: Any, chance: random.Random) -> None:
    other, at = chance.choice(list(_places(review)))
    # By value: the same object twice would tie them together.
    container[key] = copy.deepcopy(other[at])


def _again(_review: Any, container: Any, key: Any, chance: random.Random) -> None:
    if isinstance(container, dict):
        container[chance.choice((*_KEYS, f"{key}{chance.choice(_KEYS)}", str(key).upper()))] = container[key]
    else:
        container.insert(key, copy.deepcopy(container[key]))


def _deepen(_review: Any, container: Any, key: Any, chance: random.Random) -> None:
    value = container[key]
    for _ in range(chance.choice((3, 40, 200))):
        value = chance.choice(({"a": value}, [value]))
    container[key] = value


def _operate(review: Any, _container: Any, _key: Any, chance: random.Random) -> None:
    if isinstance(review.get("request"), dict):
        review["request"]["operation"] = chance.choice(_OPERATIONS)


def _mark(review: Any, _container: Any, _key: Any, chance: random.Random) -> None:
    """What servers and finalizers write."""
    request = review.get("request")
    value = request.get("object") if isinstance(request, dict) else None
    if isinstance(value, dict) and isinstance(value.get("metadata"), dict):
        value["metadata"] |= chance.choice(
            (
                {"deletionTimestamp": "2026-11-24T12:00:00Z"},
                {"finalizers": ["a/b"]},
                {"labels": chance.choice(_SCALARS)},
                {"annotations": {"ployd.ai/x": chance.choice(_SCALARS)}},
            )
        )


_MUTATIONS = (
    *(_replace, _replace, _replace, _delete, _delete, _wrap, _graft, _graft, _again, _again, _deepen, _mark, _mark),
    _operate,
)


def _damage(text: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(text) + 1)
    match chance.randrange(5):
        case 0:
            return text[:at] + bytes((chance.randrange(256),)) + text[at + 1 :]
        case 1:
            return text[:at] + chance.choice(_CHUNKS) + text[at:]
        case 2:
            return text[:at]
        case 3:
            end = min(len(text), at + chance.randrange(1, 60))
            return text[:at] + text[end:]
        case _:
            end = min(len(text), at + chance.randrange(1, 200))
            return text[:end] + text[at:end] + text[end:]


def _parsed(body: bytes) -> Any:
    """What Python makes of the bytes; None where it is no JSON."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return json.loads(body.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def check(body: bytes, answer: Answer) -> None:
    """What must be true of the answer to any bytes.

    Raises:
        FuzzError: it is not.

    """
    review = _parsed(body)
    request = review.get("request") if isinstance(review, dict) else None
    request = request if isinstance(request, dict) else {}
    uid = request.get("uid")
    uid = uid if isinstance(uid, str) else ""
    if answer.status == 400:  # noqa: PLR2004
        _must(not uid, "a review with a uid got no review back")
        return
    _must(answer.status == 200, f"status {answer.status}")  # noqa: PLR2004
    said = json.loads(answer.body)
    _must((said["apiVersion"], said["kind"]) == ("admission.k8s.io/v1", "AdmissionReview"), "no review")
    response = said["response"]
    _must(response["uid"] == uid or review is None, "another uid")
    _must(not {"patch", "patchType"} & response.keys(), "a patch")
    for warning in response.get("warnings", ()):
        _must(len(warning) <= _SHOWN_WARNING and warning.isprintable(), f"warning {warning!r}")
    verdict = answer.record["verdict"]
    if not response["allowed"]:
        _must(response["status"]["code"] in {400, 403, 500}, "no code")
        _must(verdict in {"deny", "error"}, f"verdict {verdict}")
        return
    _must(response["allowed"] is True, "allowed is no boolean")
    if verdict == "unchanged":
        _must(request["operation"] == "UPDATE", "unchanged, and no update")
        if request.get("subResource") != "scale":
            same = _said_by_the_author(request["object"]) == _said_by_the_author(request["oldObject"])
            _must(same, "unchanged, and there is a difference")
    elif request.get("operation") != "DELETE":
        _must(verdict == "allow", f"verdict {verdict}")
        _must(bool(re.fullmatch(r"sha256:[0-9a-f]{64}", answer.record["receipt"])), "allowed without a receipt")


def _said_by_the_author(value: dict[str, Any]) -> str:
    """As JSON, what rules may look at; written here a second time, so that an error there is not repeated here."""
    rest = {key: item for key, item in value.items() if key not in {"metadata", "status"}}
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    rest["metadata"] = {key: metadata.get(key) or None for key in ("name", "generateName", "namespace", "labels")}
    annotations = metadata.get("annotations")
    rest["notes"] = (
        {key: note for key, note in annotations.items() if key.partition("/")[0].endswith("ployd.ai")}
        if isinstance(annotations, dict)
        else {}
    )
    return json.dumps(rest, sort_keys=True)


def _must(true: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not true:
        raise FuzzError(what)


def handlers(select: tuple[str, ...]) -> list[Handler]:
    """One that knows no cluster, and one that knows some of its namespaces."""
    engine = wire(Setup(select=select), Door.ADMISSION).engine
    alone, watching = Handler(engine), Handler(engine)
    watching.learn(
        Surroundings(
            cluster=True,
            namespaces={"team-a": {"ployd.ai/environment": "dev"}, "production": {}},
            objects=({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}},),
        )
    )
    return [alone, watching]


def run(numbers: range, *, select: tuple[str, ...] = SOME_RULES, seed: int = SEED) -> Counter[str]:
    """Ask every input of each handler in turn; how many there were of each way and verdict.

    Raises:
        FuzzError: an answer that must not be, or an exception, with the number of the input.

    """
    found: Counter[str] = Counter()
    asked = handlers(select)
    for number in numbers:
        body, way = mutated(number, seed)
        found[way] += 1
        try:
            answer = asked[number % len(asked)].answer(body)
            check(body, answer)
        except WantedError as wanted:
            found["wanted"] += 1
            if not _PATHS.fullmatch(wanted.path):
                raise FuzzError(f"input {number} of seed {seed} asks for {wanted.path}") from None
        except Exception as error:
            raise FuzzError(f"input {number} of seed {seed}: {error!r}\n{body[:2000]!r}") from error
        else:
            verdict = answer.record["verdict"]
            found[answer.record.get("error", verdict) if verdict == "error" else verdict] += 1
    return found


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    every = () if "--all-rules" in sys.argv else SOME_RULES
    began = time.monotonic()
    print(f"seed {SEED}, {count} inputs")
    print(dict(run(range(count), select=every)), f"{time.monotonic() - began:.1f} s")
