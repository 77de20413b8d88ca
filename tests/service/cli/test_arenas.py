"""Threads share the heaps of the C library; without `share_arenas` each takes one of its own."""

import ctypes
import subprocess
import sys

import pytest

MANY = """
import ctypes, threading
from service.cli.arenas import share_arenas

if {shared}:
    assert share_arenas()
together = threading.Barrier(12)

def fill():
    kept = [bytes(4_096) for _ in range(100)]
    together.wait()
    assert kept

threads = [threading.Thread(target=fill) for _ in range(12)]
for one in threads:
    one.start()
for one in threads:
    one.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(*, shared: bool) -> int:
    """How many heaps a process with twelve threads comes to have."""
    said = subprocess.run(
        [sys.executable, "-c", MANY.format(shared=shared)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return said.count("<heap nr=")


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc"
)
def test_threads_share_two_heaps() -> None:
    assert heaps(shared=True) == 2
    assert heaps(shared=False) > 4, "the control: else the test would see nothing"
