"""A consumer process for the fault tests: python event_worker.py URL PREFIX IDLE_S FOLDER [WORD…].

It counts every fact in Redis. Words: `twice` counts without looking whether it was counted before;
`stop=N` blocks at fact N until FOLDER/go is there; `die=N` dies of fact N; `stubborn` never buries.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from redis import Redis

from service.bus import UserUpdated
from service.bus.consumer import Consumer
from service.bus.protocol import MOST_DELIVERIES
from service.bus.redis_streams import RedisStream

GROUP = "count"
ONCE = """
if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('RPUSH', KEYS[2], ARGV[1])
"""
TWICE = "return redis.call('RPUSH', KEYS[2], ARGV[1])"
STUBBORN = 10**9


class Tally:
    """Counts facts by their rev, in one step with the mark that they were counted."""

    def __init__(self, url: str, prefix: str, *, script: str = ONCE) -> None:
        # Not the client of an event loop: a frozen process goes on in the middle of its step.
        self._redis, self._marks, self._list = Redis.from_url(url), f"{prefix}:m", f"{prefix}:l"
        self._count = self._redis.register_script(script)

    async def __call__(self, fact: UserUpdated) -> None:
        self._count(keys=[self._marks, self._list], args=[fact.rev or 0])

    def counted(self) -> list[int]:
        """The facts in the order they were counted."""
        return [int(rev) for rev in self._redis.lrange(self._list, 0, -1)]

    def close(self) -> None:
        self._redis.close()


async def main(url: str, prefix: str, idle_s: float, folder: Path, words: set[str]) -> None:
    numbers = dict(word.split("=") for word in words if "=" in word)
    stop, die = (int(numbers.get(word, -1)) for word in ("stop", "die"))
    tally = Tally(url, prefix, script=TWICE if "twice" in words else ONCE)

    async def act(fact: UserUpdated) -> None:
        if fact.rev == stop:
            (folder / "stopped").touch()
            while not (folder / "go").exists():
                time.sleep(0.01)  # noqa: ASYNC251 - it blocks: that is the fault
        if fact.rev == die:
            os._exit(9)
        await tally(fact)

    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    stream = RedisStream(url, prefix=prefix)
    one = Consumer(
        stream,
        GROUP,
        act,
        idle_s=idle_s,
        wait_s=0.05,
        backoff_s=0.01,
        most_deliveries=STUBBORN if "stubborn" in words else MOST_DELIVERIES,
    )
    one.start()
    await end.wait()
    await one.close()
    await stream.close()
    tally.close()


if __name__ == "__main__":
    url, prefix, idle_s, folder, *words = sys.argv[1:]
    asyncio.run(main(url, prefix, float(idle_s), Path(folder), set(words)))
