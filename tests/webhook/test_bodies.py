"""P3 and the HTTP end: how large a review may be, in what form it must come, and what one gets for anything else."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from served import Files, Served, ask, deployment, review, running, uid_of, until, violation

MIB = 1 << 20
LARGEST = 7 * MIB


def padded(body: bytes, size: int) -> bytes:
    """The same review, `size` bytes long by what field managers leave behind, which no rule reads."""
    asked = json.loads(body)
    filled = json.dumps(_managed(asked, "")).encode()
    return json.dumps(_managed(asked, "x" * (size - len(filled)))).encode()


def _managed(asked: dict[str, Any], padding: str) -> dict[str, Any]:
    for value in (asked["request"]["object"], asked["request"]["oldObject"]):
        if value is not None:
            value["metadata"]["managedFields"] = [
                {
                    "manager": "kubectl",
                    "operation": "Update",
                    "apiVersion": value["apiVersion"],
                    "time": "2026-11-24T12:00:00Z",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {f"f:{padding}": {}},
                }
            ]
    return asked


def raw(server: Served, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """What the server says to these bytes until it closes or has answered once."""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain,
        server.context().wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        for part in parts:
            try:
                connection.sendall(part)
            except (ssl.SSLError, OSError):
                break
            time.sleep(pause_s)
        answer = b""
        while b"\r\n\r\n" not in answer and (read := connection.recv(1 << 16)):
            answer += read
        return answer


def chunked(body: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    yield (
        b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n"
    )
    for start in range(0, len(body), size):
        part = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_violation_behind_a_mebibyte_of_padding_is_denied(plain: Served) -> None:
    body = padded(review(violation()), int(1.1 * MIB))
    assert len(body) == 1153433
    reply = plain.post(body)
    assert (reply.status, reply.response["allowed"], reply.response["status"]["code"]) == (200, False, 403)
    assert reply.response["auditAnnotations"]["rules"] == "budget.cost,scaling.bounds"


def test_the_largest_update_there_can_be_is_judged(plain: Served) -> None:
    """Object and old object of 3 MiB each, which is what the API server takes."""
    body = json.dumps(_managed(json.loads(review(violation(), old=deployment())), "x" * (3 * MIB - 8192))).encode()
    assert 6 * MIB - 32768 < len(body) < LARGEST
    reply = plain.post(body)
    assert (reply.status, reply.response["allowed"], reply.response["status"]["code"]) == (200, False, 403)
    assert reply.response["auditAnnotations"]["rules"] == "budget.cost,scaling.bounds"


def test_seven_mebibytes_are_read_and_one_byte_more_is_not(plain: Served) -> None:
    assert plain.post(padded(review(violation()), LARGEST)).response["status"]["code"] == 403
    before = plain.metric("ployd_policy_admission_errors_total", reason="too_large")
    assert plain.post(padded(review(deployment()), LARGEST + 1)).status == 413
    assert plain.metric("ployd_policy_admission_errors_total", reason="too_large") == before + 1


def test_a_chunked_body_is_bounded_like_any_other(plain: Served) -> None:
    body = padded(review(violation()), 2 * MIB)
    answer = raw(plain, *chunked(body))
    assert status(answer) == 200
    assert status(raw(plain, *chunked(padded(review(deployment()), LARGEST + 1)))) == 413
    assert status(raw(plain, *chunked(b" " * (20 * MIB)))) == 413


def test_twenty_of_seven_mebibytes_at_once_are_answered_in_bounded_memory(files: Files) -> None:
    with running(files, "--standalone", "--workers", "2") as server:
        server.post(review(deployment()))
        pids = [server.process.pid, server.nursery]
        before, peak, done = server.memory(), [0], threading.Event()

        def look() -> None:
            while not done.wait(0.05):
                peak[0] = max(peak[0], server.memory())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            answered = busy = 0
            codes: list[int] = []
            for content in (padded(review(violation()), LARGEST), _brackets()):
                replies = ask(server, [content] * 20, callers=20)
                assert {reply.status for reply in replies} <= {200, 429}
                for reply in replies:
                    if reply.status == 200:
                        answered += 1
                        # The brackets are of a kind nobody has a rule about.
                        assert "receipt" in reply.response["auditAnnotations"] or not reply.response["allowed"]
                        codes.append(reply.response.get("status", {}).get("code", 200))
                    else:
                        busy += 1
                        assert reply.headers["Retry-After"] == "1"
        finally:
            done.set()
            watcher.join()
        assert answered + busy == 40
        # Whatever of the violations was judged was denied; more time than there is was refused.
        assert 403 in codes
        # 64 MiB of bodies held at once, and two workers with what one body of brackets makes in each (1 GiB at most).
        assert peak[0] - before < 64 * MIB + 2 * (1 << 30) + 200 * MIB
        assert [server.process.pid, server.nursery] == pids
        following = server.post(review(deployment()))
        assert following.allowed
        # What was held is given back: 64 MiB can be held again.
        assert {reply.status for reply in ask(server, [padded(review(violation()), LARGEST)] * 3, callers=3)} == {200}


def _brackets() -> bytes:
    """Seven mebibytes that become two hundred when they are parsed."""
    value = {"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "odd"}, "spec": "HERE"}
    body = review(value)
    count = (LARGEST - len(body)) // 3
    return body.replace(b'"HERE"', b"[" + b"[]," * (count - 1) + b"[]]")


def test_a_body_that_does_not_come_is_given_up_and_what_came_of_it_is_freed(plain: Served) -> None:
    half = padded(review(deployment()), LARGEST)[: 6 * MIB]
    head = b"POST /validate?timeout=1s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % LARGEST
    began = time.perf_counter()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: raw(plain, head, half), range(12)))
    # 72 MiB at once are more than may be held: some were sent away at once, the others after half a second.
    assert {status(answer) for answer in answers} == {408, 429}
    assert time.perf_counter() - began < 20
    assert plain.post(padded(review(violation()), LARGEST)).status == 200


@pytest.mark.parametrize("said", [b"", b"POST /validate HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a request"])
def test_who_connects_and_does_not_ask_is_sent_away(plain: Served, said: bytes) -> None:
    with (
        socket.create_connection(("127.0.0.1", plain.port), timeout=30) as opened,
        plain.context().wrap_socket(opened, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(said)
        assert connection.recv(1) == b""


def test_content_of_another_type_is_no_review(plain: Served) -> None:
    body = review(deployment())
    for kind in ("text/plain", "application/yaml", "application/x-www-form-urlencoded", "application/json-patch+json"):
        assert plain.post(body, headers={"Content-Type": kind}).status == 415
    assert plain.post(body, headers={"Content-Type": "application/json; charset=utf-8"}).allowed


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//validate",
        "/validate/",
        "/validate/x",
        "/./validate",
        "/x/../validate",
        "/%76alidate",
        "/Validate",
        "/validate;x",
        "/metrics",
        "/readyz",
        "/healthz",
        "http://127.0.0.1//validate",
    ],
)
def test_only_one_spelling_of_the_path_is_answered(plain: Served, path: str) -> None:
    body = review(deployment())
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    assert status(raw(plain, head.encode() + body)) == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_reviews_are_posted(plain: Served, method: str) -> None:
    body = review(deployment())
    head = f"{method} /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    assert status(raw(plain, head.encode() + body)) == 405


def test_probes_are_not_on_the_port_of_reviews_nor_reviews_on_that_of_probes(plain: Served) -> None:
    assert [plain.probe(path)[0] for path in ("/healthz", "/readyz", "/metrics", "/validate", "/")] == [
        200,
        200,
        200,
        404,
        404,
    ]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b"\xff\xfe", 400),
        (b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}', 400),
        (b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":7}}', 400),
    ],
)
def test_what_is_no_review_and_has_no_uid_is_a_bad_request(plain: Served, body: bytes, wanted: int) -> None:
    assert plain.post(body).status == wanted


def test_a_review_of_v1beta1_is_refused_by_its_uid(plain: Served) -> None:
    body = review(deployment()).replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1")
    reply = plain.post(body)
    assert (reply.status, reply.response["allowed"], reply.response["uid"]) == (200, False, uid_of(body))
    assert reply.response["status"]["code"] == 400
    assert reply.response["status"]["message"].endswith("the body is no AdmissionReview of admission.k8s.io/v1")


def test_made_up_kinds_do_not_fill_the_metrics(plain: Served) -> None:
    def odd(kind: str) -> bytes:
        return review({"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": "a"}})

    replies = ask(plain, [odd(f"Kind{number}") for number in range(150)])
    assert {reply.status for reply in replies} == {200}
    for kind in ("K" * 100_000, "\ud800", 'a"b', "a\nb", "K" * 64):
        assert plain.post(odd(kind)).response["status"]["code"] == 400
    code, text = plain.probe("/metrics")
    assert code == 200
    counted = [line for line in text.splitlines() if line.startswith("ployd_policy_admission_requests_total{")]
    kinds = {line.partition('kind="')[2].partition('"')[0] for line in counted}
    assert "other" in kinds
    assert len(kinds) <= 101
    assert plain.metric("ployd_policy_admission_requests_total", kind="other") >= 50


def test_the_log_says_what_was_decided_and_never_what_was_in_the_object(plain: Served) -> None:
    value = deployment()
    value["metadata"]["annotations"] = {"ployd.ai/note": "hf_abcdefghijklmnop0123"}
    value["spec"]["model"]["name"] = "secret-model-of-somebody"
    body = review(value)
    plain.post(body)
    line = plain.wait_for("decision", uid=uid_of(body))
    assert (line["kind"], line["namespace"], line["user"]) == ("ModelDeployment", "production", "kubernetes-admin")
    assert line["receipt"].startswith("sha256:")
    told = "\n".join([*(json.dumps(each) for each in plain.lines), *plain.noise])
    assert "hf_abcdefghijklmnop0123" not in told
    assert "secret-model-of-somebody" not in told


def test_more_than_can_be_answered_in_time_are_sent_away_for_a_second(hostile: Served) -> None:
    hang = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"do": "walk"}}
    before = hostile.metric("ployd_policy_admission_errors_total", reason="overload")
    replies = ask(hostile, [review(hang) for _ in range(60)], callers=60)
    busy = [reply for reply in replies if reply.status == 429]
    assert {reply.status for reply in replies} == {200, 429}
    assert {reply.headers["Retry-After"] for reply in busy} == {"1"}
    assert {reply.response["allowed"] for reply in replies if reply.status == 200} == {False}
    assert max(reply.seconds for reply in replies) < 3
    assert hostile.metric("ployd_policy_admission_errors_total", reason="overload") == before + len(busy)
    until(lambda: hostile.post(review(deployment())).allowed)
