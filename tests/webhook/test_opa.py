"""With an OPA server as engine: slow, silent, gone, with another bundle. Nothing of it allows; all of it passes."""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import COMMAND, Files, Load, Served, ask, deployment, review, running, uid_of, until, violation

pytestmark = pytest.mark.go


class FakeNetwork:
    """A way to an OPA server that can be slow, or end: it passes bytes on, each answer after `delay_s`."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.target = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._down = False
        threading.Thread(target=self._accept, daemon=True).start()

    def down(self) -> None:
        """Break what is open, and refuse what comes."""
        self._down = True
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def up(self) -> None:
        self._down = False

    def close(self) -> None:
        self.down()
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            if self._down:
                return
            with socket.create_connection(("127.0.0.1", self.target)) as far:
                self._open |= {near, far}
                back = threading.Thread(target=self._pass, args=(far, near, True))
                back.start()
                self._pass(near, far, False)
                back.join()
                self._open -= {near, far}

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if answers:
                    time.sleep(self.delay_s)
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def opa(program: Path, *arguments: str | Path) -> Iterator[int]:
    """The port of a real OPA server."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:

            def listens() -> bool:
                with contextlib.closing(socket.socket()) as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            until(listens)
            yield port
        finally:
            process.kill()


def bundle(folder: Path) -> Path:
    file = folder / "bundle.tar.gz"
    made = subprocess.run([COMMAND, "bundle", "--output", file], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return file


@pytest.fixture(scope="module")
def through(
    files: Files, tools: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, FakeNetwork, int]]:
    """A server whose engine is a real OPA behind the fake network; and OPA's port."""
    network = FakeNetwork()
    with opa(tools / "opa", "--bundle", bundle(tmp_path_factory.mktemp("bundle"))) as port:
        network.target = port
        arguments = ("--engine", "opa", "--opa-url", f"http://127.0.0.1:{network.port}", "--deadline", "1")
        with running(files, *arguments, "--standalone", "--workers", "2") as server:
            yield server, network, port
    network.close()


@pytest.fixture(autouse=True)
def healed(through: tuple[Served, FakeNetwork, int]) -> Iterator[None]:
    yield
    _, network, port = through
    network.delay_s, network.target = 0.0, port
    network.up()


def test_it_decides_as_the_embedded_engine_does(through: tuple[Served, FakeNetwork, int], plain: Served) -> None:
    for value in (deployment(), violation()):
        body = review(value)
        mine, theirs = through[0].post(body).response, plain.post(body).response
        assert mine == theirs


def test_an_opa_that_is_a_little_slow_is_waited_for(through: tuple[Served, FakeNetwork, int]) -> None:
    server, network, _ = through
    network.delay_s = 0.3
    reply = server.post(review(deployment()))
    assert reply.allowed
    assert reply.seconds >= 0.3


def test_an_opa_that_is_too_slow_is_refused_at_the_deadline(through: tuple[Served, FakeNetwork, int]) -> None:
    server, network, _ = through
    network.delay_s = 5
    reply = server.post(review(deployment()))
    assert (reply.status, reply.response["allowed"], reply.response["status"]["code"]) == (200, False, 500)
    # Three quarters of the deadline are the rules'; so no worker is killed for a server that is slow.
    assert 0.75 <= reply.seconds < 2
    assert "gave no answer within 0.75 s" in reply.response["status"]["message"]
    network.delay_s = 0
    until(lambda: server.post(review(deployment())).allowed, wait_s=10)


def test_while_opa_is_gone_every_review_is_refused_and_none_after(through: tuple[Served, FakeNetwork, int]) -> None:
    server, network, _ = through
    network.down()
    bodies = [review(deployment()) for _ in range(200)]
    replies = ask(server, bodies, callers=4, again=True)
    assert {(reply.status, reply.response["allowed"], reply.response["status"]["code"]) for reply in replies} == {
        (200, False, 500)
    }
    assert [reply.response["uid"] for reply in replies] == [uid_of(body) for body in bodies]
    assert "does not answer" in replies[0].response["status"]["message"]
    network.up()
    with Load(lambda: [server], rate=40) as load:
        load.more(20)
    assert (load.tally.wrong, load.tally.lost) == ([], [])


def test_an_opa_without_our_bundle_has_no_entry_point_and_nothing_is_allowed(
    through: tuple[Served, FakeNetwork, int], tools: Path
) -> None:
    server, network, _ = through
    with opa(tools / "opa") as empty:
        network.target = empty
        network.down()
        network.up()
        replies = ask(server, [review(deployment()) for _ in range(100)], callers=4, again=True)
    assert {(reply.status, reply.response["allowed"], reply.response["status"]["code"]) for reply in replies} == {
        (200, False, 500)
    }


def test_it_does_not_begin_with_an_opa_that_has_another_bundle_or_is_not_there(files: Files, tools: Path) -> None:
    with opa(tools / "opa") as empty:
        for port, code in ((empty, 2), (1, 3)):
            arguments = ("--engine", "opa", "--opa-url", f"http://127.0.0.1:{port}", "--standalone")
            server = Served(files, *arguments)
            assert server.wait() == code
            assert server.said("serving") == []
