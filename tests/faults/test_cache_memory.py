"""However many lists are asked for, a process grows no further than its cache may."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.sizes import size

ROOT = Path(__file__).parents[2]
CAPACITY = size(16, 64) << 20
LIMIT = 2 * CAPACITY
"""Of growth. Lists, revs and their objects took 1.4 times the capacity, of 16 and of 64 MiB."""
FEW = 100_000  # enough to pass the limit of the quick size three times over

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's page counts")


def kept(capacity: int, count: int, *without: str) -> dict[str, int]:
    """What a process came to hold that was asked for so many distinct lists of 2 to 5 KB."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.faults.keeper", str(capacity), str(count), *without],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    report: dict[str, int] = json.loads(ran.stdout)
    return report


def test_a_process_grows_no_further_than_its_cache_may() -> None:
    report = kept(CAPACITY, size(FEW, 10_000_000))

    assert CAPACITY / 2 < report["held"] <= CAPACITY
    assert report["grown"] < LIMIT


@pytest.mark.parametrize("without", ["bytes", "users"])
def test_with_either_bound_off_it_passes_the_limit(without) -> None:
    """The control: lists without end, or what is known of everybody who ever asked."""
    report = kept(16 << 20, FEW, without)

    assert report["grown"] > 2 * (16 << 20)
