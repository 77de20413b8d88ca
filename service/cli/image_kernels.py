"""Compiles the kernels of an image while it is built: `python -m service.cli.image_kernels F`."""

import subprocess
import sys
from pathlib import Path

from service.cli.kernels import CORE, prepare_kernels


def main() -> int:
    """Compile into the folder F, once, and prove that it can be read.

    1 when another process that reads them has to compile one.
    """
    prepare_kernels(Path(sys.argv[1]))
    command = [sys.executable, "-m", "core.warmup", "--cached"]
    done = subprocess.run(command, cwd=CORE.parent, check=False)  # noqa: S603  # ourselves
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
