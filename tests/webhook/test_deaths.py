"""Processes are killed under load: no answer becomes wrong, and nothing is lost but with the process that held it."""

import os
import signal
import time

from served import Files, Load, Served, children, deployment, descendants, review, running, until, violation


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_workers_that_are_killed_under_load_lose_nothing(files: Files) -> None:
    with running(files, "--standalone", "--workers", "2") as server:
        with Load(lambda: [server], callers=8, rate=200) as load:
            load.more(20)
            for turn in range(6):
                victim = server.workers()[turn % 2]
                kill(victim)
                until(lambda victim=victim: victim not in server.workers() and len(server.workers()) == 2)
                load.more(20)
        assert (load.tally.wrong, load.tally.lost) == ([], [])
        assert load.tally.right == load.tally.sent >= 140
        assert server.metric("ployd_policy_workers_replaced_total") == 6
        assert server.probe("/readyz")[0] == 200


def test_all_workers_at_once_are_replaced_and_nothing_is_lost(files: Files) -> None:
    with running(files, "--standalone", "--workers", "2") as server:
        with Load(lambda: [server], callers=4, rate=100) as load:
            load.more(20)
            kill(*server.workers())
            load.more(40)
        assert (load.tally.wrong, load.tally.lost) == ([], [])
        assert len(server.workers()) == 2


def test_a_nursery_that_is_killed_is_missed_by_nobody_and_replaced_when_a_worker_dies(files: Files) -> None:
    with running(files, "--standalone", "--workers", "2") as server:
        nursery, (first, second) = server.nursery, server.workers()
        with Load(lambda: [server], callers=4, rate=60) as load:
            load.more(10)
            kill(nursery)
            load.more(20)
            # Its workers go on without it. One dies: policies are loaded anew, while the other one answers.
            kill(first)
            until(lambda: server.metric("ployd_policy_workers") == 2)
            load.more(20)
            kill(second)
            until(lambda: len(server.workers()) == 2)
            load.more(20)
        assert (load.tally.wrong, load.tally.lost) == ([], [])
        assert server.nursery != nursery


def test_without_nursery_and_workers_everything_is_refused_until_they_are_back(files: Files) -> None:
    with running(files, "--standalone", "--workers", "2", "--deadline", "0.5") as server:
        kill(server.nursery, *server.workers())
        replies = []
        while server.metric("ployd_policy_workers") < 2 or not replies:
            replies.append(server.post(review(deployment())))
        said = [reply.response for reply in replies if reply.status == 200]
        assert {reply.status for reply in replies} <= {200, 429}
        refused = [each for each in said if not each["allowed"]]
        assert {each["status"]["code"] for each in refused} == {500}
        assert "no process that decides is alive" in refused[0]["status"]["message"]
        assert server.post(review(deployment())).allowed
        assert server.post(review(violation())).response["status"]["code"] == 403


def test_a_front_that_is_killed_leaves_nobody_behind(files: Files) -> None:
    with running(files, "--standalone", "--workers", "2") as server:
        below = descendants(server.process.pid)
        assert len(below) >= 3
        server.process.kill()
        until(lambda: not any(os.path.exists(f"/proc/{pid}") and _lives(pid) for pid in below))  # noqa: PTH110


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_replica_that_is_killed_costs_what_it_held_and_the_other_one_answers_it(files: Files) -> None:
    """Promised: never a wrong answer, and one for whoever asks again. The API server itself does not ask again."""
    with (
        running(files, "--standalone", "--workers", "1") as first,
        running(files, "--standalone", "--workers", "1") as second,
    ):

        def endpoints() -> list[Served]:
            return [first, second] if first.process.poll() is None else [second]

        with Load(endpoints, callers=8, rate=150, retry=True) as load:
            load.more(40)
            first.kill()
            load.more(40)
        assert (load.tally.wrong, load.tally.lost) == ([], [])
        assert load.tally.right == load.tally.sent
        assert load.retried <= 8
        assert len(second.said("decision")) >= 40


def test_a_worker_that_stands_still_is_killed_at_the_deadline(files: Files) -> None:
    with running(files, "--standalone", "--workers", "1", "--deadline", "0.5") as server:
        (worker,) = server.workers()
        os.kill(worker, signal.SIGSTOP)
        reply = server.post(review(deployment()))
        assert (reply.status, reply.response["allowed"]) == (200, False)
        assert 0.5 <= reply.seconds < 2
        began = time.monotonic()
        assert server.post(review(deployment())).allowed
        assert time.monotonic() - began < 2
        until(lambda: worker not in children(server.nursery))
