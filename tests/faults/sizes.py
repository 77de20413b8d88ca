"""How much the fault tests do: a little on every push, a lot when FAULTS_SIZE=full."""

import os

FULL = os.environ.get("FAULTS_SIZE", "quick") == "full"


def size(quick: int, full: int) -> int:
    return full if FULL else quick
