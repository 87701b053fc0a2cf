"""P9: ends and idle connections. Whoever is told to go elsewhere is told in an answer, never by a closed connection."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from served import Files, Load, Served, deployment, review, running, until, violation

IDLE_S = 3.0
"""In soak.py it is 60 s."""


class FakeService:
    """A Service with its endpoints, which cannot run here without kube-proxy: replicas that say they are ready."""

    def __init__(self, *replicas: Served) -> None:
        self.replicas = list(replicas)
        self._ready: list[Served] = list(replicas)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @contextmanager
    def looking(self) -> Iterator["FakeService"]:
        """Probe every replica every 0.2 s, as kubelet does (there it is every few seconds)."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            self._ready = [each for each in list(self.replicas) if each.probe("/readyz")[0] == 200]

    def endpoints(self) -> Sequence[Served]:
        return self._ready


def start(files: Files, *arguments: str) -> Served:
    return Served(files, "--standalone", "--workers", "1", *arguments)


def test_a_rolling_restart_under_load_loses_nothing(files: Files) -> None:
    first, second = start(files, "--drain", "2"), start(files, "--drain", "2")
    try:
        first.wait_ready()
        second.wait_ready()
        service = FakeService(first, second)
        with service.looking(), Load(service.endpoints, callers=6, rate=100) as load:
            load.more(60)
            first.process.send_signal(signal.SIGTERM)
            until(lambda: service.endpoints() == [second])
            assert first.wait() == 0
            third = start(files, "--drain", "2").wait_ready()
            service.replicas.append(third)
            until(lambda: service.endpoints() == [second, third])
            load.more(60)
            second.process.send_signal(signal.SIGTERM)
            until(lambda: service.endpoints() == [third])
            assert second.wait() == 0
            load.more(60)
            third.process.send_signal(signal.SIGTERM)
            load.stop()
            assert third.wait() == 0
        assert (load.tally.wrong, load.tally.lost) == ([], [])
        assert load.tally.right == load.tally.sent >= 180
        for server in (first, second, third):
            assert [line["event"] for line in server.lines if line["event"] in {"draining", "ended"}] == [
                "draining",
                "ended",
            ]
            assert len(server.said("decision")) >= 30
    finally:
        first.kill()
        second.kill()


def test_while_it_drains_it_answers_is_not_ready_and_asks_callers_to_leave(files: Files) -> None:
    with running(files, "--standalone", "--workers", "1", "--drain", "2") as server:
        kept = http.client.HTTPSConnection("127.0.0.1", server.port, context=server.context(), timeout=30)
        assert _post(kept, review(deployment())) == (200, True, None)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("draining")
        assert server.probe("/readyz") == (503, "shutting down\n")
        assert server.probe("/healthz")[0] == 200
        assert _post(kept, review(deployment())) == (200, True, "close")
        assert server.post(review(violation())).response["allowed"] is False
        kept.close()
        assert server.wait() == 0


def test_reviews_that_are_being_judged_at_the_end_get_their_answer(files: Files, tmp_path) -> None:
    slow = """package slow

deny contains "slow" if {
	input.request.kind.kind == "ConfigMap"
	count([1 | some i in numbers.range(1, 1000); some j in numbers.range(1, 1000000); i * j == -1]) > 0
}
"""
    (tmp_path / "slow.rego").write_text(slow)
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    with running(
        files, "--standalone", "--workers", "1", "--policy", tmp_path, "--drain", "0", "--deadline", "1.5"
    ) as server:
        replies = []
        asker = threading.Thread(target=lambda: replies.append(server.post(review(value))))
        asker.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        asker.join()
        assert server.wait() == 0
    assert [(reply.status, reply.response["allowed"]) for reply in replies] == [(200, False)]


def _post(connection: http.client.HTTPSConnection, body: bytes) -> tuple[int, bool, str | None]:
    connection.request("POST", "/validate?timeout=3s", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())["response"]["allowed"], answer.headers["Connection"]


def test_a_thousand_posts_after_idle_connections_reach_it(plain: Served) -> None:
    """http.client never sends a request twice, so a connection that was closed while idle is an error here."""
    body = review(deployment())
    connections = [
        http.client.HTTPSConnection("127.0.0.1", plain.port, context=plain.context(), timeout=30) for _ in range(100)
    ]
    got = [_post(connection, body) for connection in connections]
    for _ in range(2):
        time.sleep(IDLE_S)
        got += [_post(connection, body) for connection in connections]
    for connection in connections:
        got += [_post(connection, body) for _ in range(7)]
        connection.close()
    assert got == [(200, True, None)] * 1000


def test_interrupting_ends_it_like_a_termination(files: Files) -> None:
    with running(files, "--standalone", "--workers", "1", "--drain", "0") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert len(server.said("ended")) == 1
        assert server.noise == []
