"""Sends reviews at a rate that does not wait for answers, and prints what came of it as JSON.

    python arrivals.py URL FILE CA RATE SECONDS

Arrivals are Poisson, the same at each run. A review's time runs from the moment it was meant to be sent: one that had
to wait for this client counts that too, so a slow server cannot hide behind a slow client. `late` says how much it was.
"""

import asyncio
import gc
import json
import random
import ssl
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp

_SEED = 1
_TIMEOUT_S = 10


async def main(url: str, bodies: Sequence[bytes], ca: str, rate: str, seconds: str) -> None:
    """Send and print."""
    draw = random.Random(_SEED)  # noqa: S311 - the same arrivals at each run
    moments, at = [], 0.0
    while (at := at + draw.expovariate(float(rate))) < float(seconds):
        moments.append(at)
    took: list[float] = []
    late: list[float] = []
    errors: list[str] = []
    loop = asyncio.get_running_loop()

    async def send(session: aiohttp.ClientSession, meant: float, body: bytes) -> None:
        late.append(loop.time() - meant)
        try:
            async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
                review = json.loads(await answer.read())
                took.append(loop.time() - meant)
                code = review["response"].get("status", {}).get("code", 200)
                if answer.status != 200 or code not in (200, 403):  # noqa: PLR2004
                    errors.append(str(review)[:300])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            errors.append(f"{type(error).__name__}: {error}")

    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca), limit=0)
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        gc.collect()
        gc.disable()
        tasks = []
        began = loop.time() + 0.1
        for number, moment in enumerate(moments):
            if (pause := began + moment - loop.time()) > 0:
                await asyncio.sleep(pause)
            body = bodies[number % len(bodies)]
            tasks.append(loop.create_task(send(session, began + moment, body)))
        await asyncio.gather(*tasks)
    if errors:
        print(f"{len(errors)} errors, the first: {errors[0]}", file=sys.stderr)
    print(
        json.dumps(
            {
                "sent": len(moments),
                "errors": len(errors),
                "p50": 1000 * statistics.median(took),
                "p99": 1000 * statistics.quantiles(took, n=100)[98],
                "max": 1000 * max(took),
                "late": 1000 * statistics.quantiles(late, n=100)[98],
            }
        )
    )


if __name__ == "__main__":
    address, file, *rest = sys.argv[1:]
    asyncio.run(main(address, Path(file).read_bytes().splitlines(), *rest))
