"""How much the fault tests do: a little on every push, a lot when FAULTS_SIZE=full.

FAULTS_MINUTES is how long the soak goes on, whatever the size.
"""

import os
import sys

FULL = os.environ.get("FAULTS_SIZE", "quick") == "full"
MINUTES = float(os.environ.get("FAULTS_MINUTES", "60" if FULL else "0.25"))


def size(quick: int, full: int) -> int:
    return full if FULL else quick


def say(figures: str) -> None:
    """What was measured, whether or not it is asserted: shown by pytest -rP, or -s."""
    sys.stdout.write(f"{figures}\n")
