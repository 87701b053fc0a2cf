"""P1 and P2: whatever goes wrong inside, the answer is HTTP 200 and a refusal, soon; and the next one is right."""

import time
from typing import Any

import pytest
from served import Reply, Served, ask, deployment, review, uid_of, until, violation

DEADLINE_S = 1.0
# The caller's timeoutSeconds is 3 where the deadline is 2: so much is there for the way back, on any machine.
MARGIN_S = 1.0
NEXT_S = 1.0


def order(do: str) -> dict[str, Any]:
    """A ConfigMap; the hostile policies do what its data says."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "order"}, "data": {"do": do}}


def told(reply: Reply) -> str:
    return str(reply.response["status"]["message"])


def test_a_thousand_reviews_that_go_wrong_are_a_thousand_refusals(hostile: Served) -> None:
    wrong = [
        *["number"] * 330,  # a builtin fails
        *["conflict"] * 330,  # two values for one rule
        *["row-number"] * 300,  # a row nobody can read
        *["format"] * 30,  # takes more memory than there is: the worker aborts
        *["walk"] * 10,  # never ends
    ]
    assert len(wrong) == 1000
    # One in a hundred hangs for a second, so they are spread.
    asked = [wrong[turn * 7 % 1000] for turn in range(1000)]
    bodies = [review(order(do)) for do in asked]
    replies = ask(hostile, bodies, callers=4, again=True)
    assert {reply.status for reply in replies} == {200}
    assert [reply.response["uid"] for reply in replies] == [uid_of(body) for body in bodies]
    assert {reply.response["allowed"] for reply in replies} == {False}
    assert {reply.response["status"]["code"] for reply in replies} == {500}
    ends = [told(reply) for do, reply in zip(asked, replies, strict=True) if do in {"format", "walk"}]
    assert len(ends) == 40
    assert all("2 workers died of it" in said or "the rules did not end in time" in said for said in ends)
    errors = hostile.said("decision", verdict="error")
    assert {"evaluation", "crash", "deadline"} == {line["error"] for line in errors}


@pytest.mark.parametrize("do", ["count", "walk", "graph", "replace"])
def test_a_rule_that_hangs_is_refused_at_the_deadline_and_its_worker_replaced(hostile: Served, do: str) -> None:
    before = hostile.metric("ployd_policy_workers_replaced_total")
    body = review(order(do))
    reply = hostile.post(body)
    assert (reply.status, reply.response["allowed"], reply.response["uid"]) == (200, False, uid_of(body))
    assert "the rules did not end in time" in told(reply)
    assert DEADLINE_S <= reply.seconds < DEADLINE_S + MARGIN_S
    following = hostile.post(review(deployment()))
    assert following.allowed
    assert following.seconds < NEXT_S
    assert until(lambda: len(hostile.workers()) == 2) < NEXT_S
    assert hostile.metric("ployd_policy_workers_replaced_total") == before + 1


@pytest.mark.parametrize("do", ["format", "double"])
def test_a_rule_that_takes_all_memory_ends_with_its_worker_only(hostile: Served, do: str) -> None:
    before = hostile.metric("ployd_policy_workers_replaced_total")
    reply = hostile.post(review(order(do)))
    assert not reply.allowed
    assert "workers died of it" in told(reply) or "in time" in told(reply)
    assert reply.seconds < DEADLINE_S + MARGIN_S
    following = hostile.post(review(deployment()))
    assert following.allowed
    assert following.seconds < NEXT_S
    until(lambda: len(hostile.workers()) == 2)
    # It is asked of a second worker, in case the first was killed for something else.
    assert hostile.metric("ployd_policy_workers_replaced_total") - before in (1, 2)


@pytest.mark.parametrize("do", ["range", "number", "conflict", "row", "row-number"])
def test_a_rule_that_breaks_says_which(hostile: Served, do: str) -> None:
    workers = hostile.workers()
    reply = hostile.post(review(order(do)))
    assert (reply.status, reply.response["allowed"], reply.response["status"]["code"]) == (200, False, 500)
    assert "hostile" in told(reply)
    assert hostile.workers() == workers


def test_the_policies_that_can_hang_judge_what_they_are_not_told_to_hang_on(hostile: Served) -> None:
    assert hostile.post(review(order("nothing"))).allowed
    refused = hostile.post(review(order("deny")))
    assert (refused.allowed, told(refused)) == (False, "[hostile] caught.")


def _pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "vllm", "image": "vllm/vllm-openai:v0.19.1", **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}


def _with(path: str, value: Any) -> dict[str, Any]:
    """A good deployment with something hostile at a path of its spec."""
    changed = deployment()
    *steps, last = path.split(".")
    place = changed["spec"]
    for step in steps:
        place = place.setdefault(step, {})
    place[last] = value
    return changed


def _nested(depth: int) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = {"a": value}
    return value


def _odd(value: Any) -> dict[str, Any]:
    """Of a kind that has no schema, so that rules see everything."""
    return {"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "odd"}, "spec": value}


MIB = 1 << 20
HOSTILE_OBJECTS: dict[str, dict[str, Any]] = {
    **{
        f"{name} of {what}": _with(path, value)
        for name, path in (
            ("image", "model.image"),
            ("model", "model.name"),
            ("path", "model.path"),
            ("gpu", "resources.gpu.type"),
            ("memory", "resources.memory.limits"),
            ("cpu", "resources.cpu.limits"),
        )
        for what, value in (
            ("a mebibyte of a", "a" * MIB),
            ("a mebibyte of digits", "9" * MIB),
            ("backtracking", "a" * 30_000 + "!"),
            ("slashes and colons", "/:@" * 100_000),
        )
    },
    "replicas of 4,000 digits": _with("scaling.maxReplicas", 10**3999),
    "replicas of minus 4,000 digits": _with("scaling.maxReplicas", -(10**3999)),
    "gpu count of 1e308": _with("resources.gpu.count", 1e308),
    "tokens of 1e-308": _with("model.parameters.max_tokens", 1e-308),
    "a hundred thousand unknown fields": deployment(**{f"f{number}": number for number in range(100_000)}),
    "a hundred thousand placements": _with("placement.clusters", ["a"] * 100_000),
    "a million brackets": _odd([[]] * 500_000),
    "a hundred thousand keys": _odd({f"k{number}": number for number in range(100_000)}),
    "ten thousand arguments": _pod(args=[f"--flag-{number}=1" for number in range(10_000)]),
    "ten thousand wrong arguments": _pod(args=["--max-model-len=a"] * 10_000),
    "ten thousand variables": _pod(env=[{"name": f"N{number}", "value": "v" * 100} for number in range(10_000)]),
    "a shell line of a mebibyte": _pod(command=["sh", "-c", "exec vllm serve " + "'" * MIB]),
    "a shell line of quotes": _pod(command=["sh", "-c", "vllm serve " + "\\'\"" * 100_000]),
    "ten thousand containers": {
        **_pod(),
        "spec": {"containers": [{"name": f"c{n}", "image": "vllm/vllm-openai:v0.19.1"} for n in range(10_000)]},
    },
    "five thousand backends": {
        "apiVersion": "ployd.ai/v1",
        "kind": "GatewayRoute",
        "metadata": {"name": "r", "labels": {f"l{n}": "v" for n in range(5000)}},
        "spec": {"path": "/a", "models": [{"name": f"m{n}", "service": "s", "weight": 1} for n in range(5000)]},
    },
    "a network policy of 20,000 blocks": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "n"},
        "spec": {
            "podSelector": {},
            "egress": [{"to": [{"ipBlock": {"cidr": f"10.{n % 256}.0.0/16"}}]} for n in range(20_000)],
        },
    },
    "a role of 20,000 rules": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}] * 20_000,
    },
    "a secret of half a mebibyte": {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"key": "hf_" * 180_000},
    },
    "a storage class of 10,000 parameters": {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "s"},
        "provisioner": "ebs.csi.aws.com",
        "parameters": {f"p{n}": "v" for n in range(10_000)},
    },
    "a definition of 5,000 fields": {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "odds.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"plural": "odds", "kind": "Odd"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {f"f{n}": {"type": "string", "pattern": "^(a+)+$"} for n in range(5000)},
                        }
                    },
                }
            ],
        },
    },
    "a pattern of a mebibyte": {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "odds.example.com"},
        "spec": {"versions": [{"schema": {"openAPIV3Schema": {"type": "string", "pattern": "(a" * (MIB // 2)}}}]},
    },
    "depth 60": _odd(_nested(60)),
    "depth 400": _odd(_nested(400)),
    "depth 900": _odd(_nested(900)),
    "labels of a mebibyte": {
        **deployment(),
        "metadata": {"name": "a", "labels": {f"k{n}": "v" * 60 for n in range(16_000)}},
    },
    "names with everything": {**_odd({}), "metadata": {"name": "\x00\x1b[31m\u202e\u2028\ufeff" * 1000}},
    "lone surrogates": {**_odd({"\ud800": "\udfff"}), "metadata": {"name": "\ud83d"}},
}


def test_there_are_fifty_of_them() -> None:
    assert len(HOSTILE_OBJECTS) >= 50


@pytest.mark.parametrize("what", HOSTILE_OBJECTS)
def test_a_hostile_object_is_answered_by_the_deadline_and_the_next_one_soon(hostile: Served, what: str) -> None:
    body = review(HOSTILE_OBJECTS[what])
    reply = hostile.post(body)
    assert reply.status == 200, reply.body[:300]
    assert reply.response["uid"] == uid_of(body)
    assert reply.seconds < DEADLINE_S + MARGIN_S
    if reply.response["allowed"]:
        # Only a decision allows, and it leaves a receipt.
        assert reply.response["auditAnnotations"]["receipt"].startswith("sha256:")
    assert len(reply.body) < MIB
    following = hostile.post(review(violation()))
    assert (following.response["allowed"], following.response["status"]["code"]) == (False, 403)
    assert following.seconds < NEXT_S


@pytest.mark.parametrize("depth", [2000, 5000, 9990])
def test_an_object_deeper_than_we_read_is_refused_in_words_the_api_server_understands(
    plain: Served, depth: int
) -> None:
    # The API server takes 10,000 levels; json.dumps does not write them.
    text = review(_odd("DEEP")).replace(b'"DEEP"', b'{"a":' * depth + b"1" + b"}" * depth)
    uid = text.partition(b'"uid": "')[2].partition(b'"')[0].decode()
    reply = plain.post(text)
    assert (reply.status, reply.response["allowed"], reply.response["uid"]) == (200, False, uid)
    assert told(reply).endswith("nested too deeply to be read")


def test_the_callers_own_timeout_counts_where_it_is_shorter(hostile: Served) -> None:
    began = time.perf_counter()
    reply = hostile.post(review(order("walk")), query="?timeout=1s")
    assert not reply.allowed
    assert 0.5 <= time.perf_counter() - began < 0.5 + MARGIN_S


def test_a_caller_in_a_hurry_costs_no_worker(plain: Served) -> None:
    """Workers that do not answer in time are killed, so nobody may say how little time that is."""
    workers = plain.workers()
    for query in ("?timeout=0s", "?timeout=1ms", "?timeout=0.001s"):
        replies = ask(plain, [review(deployment()) for _ in range(50)], callers=1, query=query)
        assert {reply.status for reply in replies} == {200}
        assert {reply.response["allowed"] for reply in replies} == {True}
    assert plain.workers() == workers
