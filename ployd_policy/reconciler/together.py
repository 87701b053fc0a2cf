"""Endless things done at once: when one of them ends, all do. It knows nothing of what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def until_one_ends(*endless: Coroutine[Any, Any, Any]) -> None:
    """Run them until one returns or raises, then cancel the others and wait for them.

    Raises:
        Exception: what it raised.

    """
    tasks = [asyncio.create_task(each) for each in endless]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
