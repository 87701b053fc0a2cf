"""The webhook as a process: starts the real command, reads its log, and loads it as an API server does.

Tests and `soak.py` use it. It checks nothing; whoever uses it says what must be true.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import ctypes
import io
import itertools
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from control_plane_files import Authority
from prometheus_client.parser import text_string_to_metric_families

CHECKOUT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("ployd-policy")
WAIT_S = 60.0
"""For what takes seconds on an idle machine. It only ends a hang."""
_PR_SET_PDEATHSIG = 1
_GOODBYE_S = 0.25
"""In which connections close: TLS says goodbye."""
_EXAMPLE = CHECKOUT / "fixtures" / "rules" / "model" / "known" / "allow"
_numbers = itertools.count(1)

Json = dict[str, Any]


# -- reviews ---------------------------------------------------------------------------------------------------------


def deployment(**changes: Any) -> Json:
    """A ModelDeployment that every rule accepts, with members of `spec` replaced."""
    file = min(_EXAMPLE.glob("*.yaml"))
    value: Json = copy.deepcopy(next(iter(yaml.safe_load_all(file.read_text()))))
    value["spec"].update(changes)
    return value


def violation() -> Json:
    """One that `scaling.bounds` denies in every environment: fewer replicas at most than at least."""
    return deployment(scaling={"minReplicas": 2, "maxReplicas": 5000, "targetQueueLength": 8})


def review(value: Json, *, old: Json | None = None, namespace: str = "production", **request: Any) -> bytes:
    """An AdmissionReview of a CREATE, or with `old` of an UPDATE, with a uid nobody had before."""
    group, _, version = value["apiVersion"].rpartition("/")
    value = _placed(value, namespace)
    asked = {
        "uid": f"00000000-0000-4000-8000-{next(_numbers):012d}",
        "kind": {"group": group, "version": version, "kind": value["kind"]},
        "resource": {"group": group, "version": version, "resource": f"{value['kind'].lower()}s"},
        "name": value["metadata"]["name"],
        "namespace": namespace,
        "operation": "CREATE" if old is None else "UPDATE",
        "userInfo": {"username": "kubernetes-admin", "groups": ["system:masters"]},
        "object": value,
        "oldObject": None if old is None else _placed(old, namespace),
        "dryRun": False,
        **request,
    }
    # The order is the API server's, which writes Go structs.
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": asked}).encode()


def _placed(value: Json, namespace: str) -> Json:
    return {**value, "metadata": {**value["metadata"], "namespace": namespace}}


def uid_of(body: bytes) -> str:
    """The uid in a review made by `review`."""
    return str(json.loads(body)["request"]["uid"])


# -- the process -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Files:
    """A certificate authority, and the pair the server shows."""

    folder: Path
    authority: Authority = field(default_factory=lambda: Authority.create("ployd-policy test"))

    def __post_init__(self) -> None:
        """Write them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca.write_bytes(self.authority.certificate_pem)
        self.issue("server")

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.crt"

    def issue(self, name: str) -> Path:
        """Write NAME.crt and NAME.key for a server; the path without ending."""
        self.authority.issue(self.folder / name, "ployd-policy", addresses=("127.0.0.1",), names=("localhost",))
        return self.folder / name


class Served:
    """A running `ployd-policy serve`."""

    def __init__(self, files: Files, *arguments: str | Path, bare: bool = False) -> None:
        """Start it; `wait_ready` waits until it listens. `bare`: with the certificates in `arguments`, if any."""
        self.files = files
        self.lines: list[Json] = []
        self.noise: list[str] = []
        """What it said that is not a line of the log: on standard error, too."""
        self.port = self.probes = 0
        pair = ["--tls-cert", files.folder / "server.crt", "--tls-key", files.folder / "server.key"]
        self.process = subprocess.Popen(
            [
                COMMAND,
                "serve",
                *("--listen", "127.0.0.1:0", "--probes", "127.0.0.1:0"),
                *([] if bare or "--tls-cert" in arguments else pair),
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # What a worker says when memory ends is a page of frames each time.
            env={**os.environ, "RUST_BACKTRACE": "0"},
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - two system calls, no locks
        )
        self._heard = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            with self._heard:
                try:
                    entry = json.loads(line)
                    self.lines.append(entry)
                except ValueError:
                    self.noise.append(line.decode(errors="replace").rstrip())
                self._heard.notify_all()
        stream.close()

    def wait_ready(self) -> Served:
        """Wait until it serves; it knows its ports then."""
        said = self.wait_for("serving")
        self.port, self.probes = said["reviews"], said["probes"]
        return self

    def wait_for(self, event: str, *, after: int = 0, wait_s: float = WAIT_S, **facts: Any) -> Json:
        """The first line of the log beyond the first `after` that is about `event` and has these facts."""

        def found() -> Json | None:
            return next((line for line in self.lines[after:] if _is(line, event, facts)), None)

        with self._heard:
            self._heard.wait_for(lambda: found() is not None or self.process.poll() is not None, wait_s)
        # What it said last may still be in the pipe.
        if found() is None and self.process.poll() is not None:
            for reader in self._readers:
                reader.join(timeout=5)
        line = found()
        if line is None:
            raise AssertionError(f"no {event!r} {facts}; code {self.process.poll()}\n{self.tail()}")
        return line

    def said(self, event: str, **facts: Any) -> list[Json]:
        """The lines of the log so far that are about `event` and have these facts."""
        return [line for line in list(self.lines) if _is(line, event, facts)]

    def tail(self) -> str:
        """The end of what it said."""
        return "\n".join([*(json.dumps(line) for line in self.lines[-15:]), *self.noise[-30:]])

    @property
    def url(self) -> str:
        """Where reviews go."""
        return f"https://127.0.0.1:{self.port}/validate"

    def context(self, pair: Path | None = None) -> ssl.SSLContext:
        """What a caller trusts, and the certificate it shows (PAIR.crt, PAIR.key)."""
        context = ssl.create_default_context(cafile=str(self.files.ca))
        if pair is not None:
            context.load_cert_chain(f"{pair}.crt", f"{pair}.key")
        return context

    def post(
        self,
        body: bytes,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> Reply:
        """One review over a connection of its own."""
        trust = context or self.context()
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.url + query, data=body, headers={"Content-Type": "application/json", **(headers or {})}
        )
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S, context=trust) as answer:  # noqa: S310
                return Reply(answer.status, answer.read(), time.perf_counter() - began, dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read(), time.perf_counter() - began, dict(error.headers))

    def probe(self, path: str) -> tuple[int, str]:
        """Status and text of a probe; (0, "") where nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probes}{path}", timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.probe("/metrics")[1])
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @property
    def nursery(self) -> int:
        """Process id of the newest nursery. Where two live, a reload is going on."""
        return [pid for pid in children(self.process.pid) if b"spawn_main" in _command_line(pid)][-1]

    def workers(self) -> list[int]:
        """Process ids of all workers of the newest nursery."""
        return children(self.nursery)

    def memory(self) -> int:
        """Bytes that the process and all below it hold (PSS: what they share is counted once)."""
        return sum(_pss(pid) for pid in (self.process.pid, *descendants(self.process.pid)))

    def stop(self) -> int:
        """SIGTERM, and wait; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(WAIT_S)
        finally:
            self.kill()
            for reader in self._readers:
                reader.join(timeout=5)

    def kill(self) -> None:
        """SIGKILL to it and whoever it left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def response(self) -> Json:
        """The response in the review that came back."""
        response: Json = json.loads(self.body)["response"]
        return response

    @property
    def allowed(self) -> bool:
        """Whether it lets pass."""
        return self.status == 200 and self.response["allowed"] is True  # noqa: PLR2004


def children(pid: int) -> list[int]:
    """Process ids below a process, the oldest first."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(each) for each in (task / "children").read_text().split()]
    return found


def descendants(pid: int) -> list[int]:
    """Process ids below a process, and below those."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))


def _is(line: Json, event: str, facts: Mapping[str, Any]) -> bool:
    return line.get("event") == event and facts.items() <= line.items()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# -- load ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What a load got."""

    sent: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    """Answers that were not what was expected, in words."""
    lost: list[str] = field(default_factory=list)
    """Requests without an answer: a connection that broke, a handshake that failed."""
    busy: int = 0
    """Answers 429, each tried again after a moment."""
    seconds: list[float] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Seconds that this share of the answers took at most."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Load:
    """Callers that ask good and bad reviews in turn, in a thread of its own, until `stop`.

    A caller keeps its connection, as the API server does, opens a new one where it was told `Connection: close`, and
    comes again after 429. `targets` says where to go, like the endpoints of a Service: the first is taken.
    """

    def __init__(
        self,
        targets: Callable[[], Sequence[Served]],
        *,
        callers: int = 4,
        rate: float = 60.0,
        fresh_connections: bool = False,
        retry: bool = False,
    ) -> None:
        """Make a load that does not run yet.

        Args:
            targets: servers that take reviews now, the best first.
            callers: connections at once.
            rate: requests a second, all together.
            fresh_connections: every request shakes hands anew.
            retry: a request that was lost is asked again elsewhere once, as whoever applies an object would.

        """
        self.tally = Tally()
        self.retried = 0
        self._targets = targets
        self._callers = callers
        self._pause = callers / rate
        self._fresh = fresh_connections
        self._retry = retry
        self._good, self._bad = deployment(), violation()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End, when everybody has got an answer."""
        self.stop()

    def stop(self) -> Tally:
        """End, when everybody has got an answer."""
        self._stop.set()
        self._thread.join(WAIT_S)
        if self._thread.is_alive():
            raise AssertionError("a caller waits for ever")
        return self.tally

    def more(self, count: int) -> None:
        """Wait until `count` more were answered."""
        goal, deadline = self.tally.right + count, time.monotonic() + WAIT_S
        while self.tally.right < goal:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise AssertionError(f"{goal - self.tally.right} answers are missing: {self.tally}")
            time.sleep(0.01)

    async def _run(self) -> None:
        await asyncio.gather(*(self._caller(number) for number in range(self._callers)))

    async def _caller(self, number: int) -> None:
        contexts: dict[int, ssl.SSLContext] = {}
        connector = aiohttp.TCPConnector(
            limit=1, force_close=self._fresh, keepalive_timeout=None if self._fresh else 90
        )
        await asyncio.sleep(self._pause * number / self._callers)
        async with aiohttp.ClientSession(connector=connector) as session:
            due = time.perf_counter()
            for turn in itertools.count():
                if self._stop.is_set():
                    break
                good = turn % 2 == 0
                self.tally.sent += 1
                await self._ask(session, contexts, good=good, again=self._retry)
                due = max(due + self._pause, time.perf_counter() - 1)
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await asyncio.sleep(_GOODBYE_S)

    async def _ask(
        self, session: aiohttp.ClientSession, contexts: dict[int, ssl.SSLContext], *, good: bool, again: bool
    ) -> None:
        body = review(self._good if good else self._bad)
        while True:
            # Who asks again asks somebody else.
            server = self._targets()[0 if again == self._retry else -1]
            context = contexts.setdefault(id(server), server.context())
            began = time.perf_counter()
            try:
                async with session.post(
                    server.url,
                    data=body,
                    headers={"Content-Type": "application/json"},
                    ssl=context,
                    timeout=aiohttp.ClientTimeout(total=10),
                ) as answer:
                    status, text = answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if not again:
                    self.tally.lost.append(f"{type(error).__name__}: {error}")
                    return
                again, self.retried = False, self.retried + 1
                continue
            if status == 429:  # noqa: PLR2004
                self.tally.busy += 1
                await asyncio.sleep(0.05)
                continue
            self._judge(body, status, text, good=good)
            self.tally.seconds.append(time.perf_counter() - began)
            return

    def _judge(self, body: bytes, status: int, text: bytes, *, good: bool) -> None:
        try:
            response = json.loads(text)["response"]
            code = response.get("status", {}).get("code", 200)
            got = (status, response["uid"] == uid_of(body), response["allowed"], code)
        except (ValueError, KeyError, TypeError):
            self.tally.wrong.append(f"{status} {text[:300]!r}")
            return
        if got == (200, True, good, 200 if good else 403):
            self.tally.right += 1
        else:
            self.tally.wrong.append(f"{got} {text[:300]!r}")


def ask(
    server: Served, bodies: Sequence[bytes], *, callers: int = 8, again: bool = False, query: str = ""
) -> list[Reply]:
    """The replies to many reviews, in their order, over as many kept connections as there are callers.

    Args:
        server: whom to ask.
        bodies: the reviews.
        callers: how many ask at once.
        again: come again after 429, as the API server does.
        query: what follows the path.

    """
    context = server.context()

    async def one(session: aiohttp.ClientSession, body: bytes) -> Reply:
        while True:
            began = time.perf_counter()
            async with session.post(
                server.url + query, data=io.BytesIO(body), headers={"Content-Type": "application/json"}, ssl=context
            ) as answer:
                reply = Reply(
                    answer.status, await answer.read(), time.perf_counter() - began, dict(answer.headers.items())
                )
            if not again or reply.status != 429:  # noqa: PLR2004
                return reply
            await asyncio.sleep(0.1)

    async def everybody() -> list[Reply]:
        connector = aiohttp.TCPConnector(limit=callers)
        timeout = aiohttp.ClientTimeout(total=WAIT_S * 2)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            replies = list(await asyncio.gather(*(one(session, body) for body in bodies)))
        await asyncio.sleep(_GOODBYE_S)
        return replies

    return asyncio.run(everybody())


def until(true: Callable[[], bool], wait_s: float = WAIT_S, pause_s: float = 0.05) -> float:
    """Seconds until something is true; it is an error that it never is."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > wait_s:
            raise AssertionError(f"not true within {wait_s} s")
        time.sleep(pause_s)
    return time.monotonic() - began


@contextlib.contextmanager
def running(files: Files, *arguments: str | Path, **options: Any) -> Iterator[Served]:
    """A server that serves; it has ended afterwards."""
    server = Served(files, *arguments, **options)
    try:
        yield server.wait_ready()
    finally:
        server.kill()
