"""The queue: each key once, by one worker, again where it was asked for meanwhile, later where it failed."""

import asyncio

from ployd_policy.reconciler.queue import WorkQueue


def test_a_key_is_there_once_and_comes_again_if_it_changed_meanwhile() -> None:
    async def run() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        for key in ("a", "b", "a"):
            queue.add(key)
        taken = [await queue.take(), await queue.take()]
        assert len(queue) == 0
        queue.add("a")
        assert len(queue) == 0, "somebody is at it"
        queue.done("a")
        taken.append(await queue.take())
        queue.done("a")
        queue.done("b")
        assert len(queue) == 0
        return taken

    assert asyncio.run(run()) == ["a", "b", "a"]


def test_a_key_that_failed_comes_back_later_each_time() -> None:
    async def run() -> list[float]:
        queue: WorkQueue[str] = WorkQueue()
        loop = asyncio.get_running_loop()
        waited = []
        queue.add("a")
        for _ in range(3):
            began = loop.time()
            await queue.take()
            waited.append(loop.time() - began)
            queue.done("a", failed=True)
        queue.close()
        return waited

    first, second, third = asyncio.run(run())
    assert first < 0.2
    # Half a second and one second, each a quarter more or less.
    assert second >= 0.375
    assert third >= 0.75


def test_of_two_wishes_the_sooner_counts() -> None:
    async def run() -> float:
        queue: WorkQueue[str] = WorkQueue()
        loop = asyncio.get_running_loop()
        began = loop.time()
        queue.add_later("a", 60)
        queue.add_later("a", 0.05)
        queue.add_later("a", 30)
        await queue.take()
        queue.close()
        return loop.time() - began

    assert asyncio.run(run()) < 5
