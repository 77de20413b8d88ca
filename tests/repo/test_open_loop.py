"""The load generator against small servers of known delay."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat

import numpy as np

from bench.open_loop import LOST, closed_loop, open_loop

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer-Timing: cache;desc=local\r\n\r\nhello"
STALL_S = 0.5
STALLED = 20  # number of the request during which the whole server stands still


@contextmanager
def answering(*, stall: bool = False, cut: bool = False) -> Iterator[tuple[str, int]]:
    """One request at a time, at once; `stall`: once half a second; `cut`: every tenth is cut."""
    loop = asyncio.new_event_loop()
    turn = asyncio.Lock()
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                async with turn:
                    seen += 1
                    if stall and seen == STALLED:
                        await asyncio.sleep(STALL_S)
                if cut and seen % 10 == 0:
                    break
                writer.write(ANSWER[:30])
                await asyncio.sleep(0)
                writer.write(ANSWER[30:])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the generator hung up: its run is over
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()
    finally:
        asyncio.run_coroutine_threadsafe(ended(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def ended(server: asyncio.Server) -> None:
    """Close the server, and let its connections see that the generator hung up."""
    server.close()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def test_a_stall_is_counted_from_the_intended_time() -> None:
    """200 a second: the 100 of the half second wait a quarter second each on average."""
    with answering(stall=True) as address:
        open_ = open_loop(address, repeat(REQUEST), rate=200, seconds=1.5, most=4)
    assert len(open_.latency_s) == 300
    assert set(open_.status) == {200}
    assert set(open_.cache) == {"local"}
    assert np.mean(open_.latency_s > STALL_S / 2) > 0.1


def test_control_a_closed_loop_hides_the_stall() -> None:
    """One connection: one slow answer, however many would have come."""
    with answering(stall=True) as address:
        closed = closed_loop(address, repeat(REQUEST), connections=1, seconds=1.5)
    assert np.sum(closed.latency_s > STALL_S / 2) <= 3
    assert len(closed.latency_s) > STALLED


def test_what_is_hung_up_on_is_lost_and_the_rest_goes_on() -> None:
    """Every request has one note, answered or not."""
    with answering(cut=True) as address:
        run = open_loop(address, repeat(REQUEST), rate=100, seconds=1, most=4)
    assert len(run.status) == 100
    assert 5 <= np.sum(run.status == LOST) <= 15


def test_a_closed_port_loses_everything() -> None:
    """Nobody listens: no hang, no request forgotten."""
    with answering() as address:
        pass
    run = open_loop((address[0], 1), repeat(REQUEST), rate=50, seconds=0.4, most=4, drain_s=0.5)
    assert len(run.status) == 20
    assert set(run.status) == {LOST}
