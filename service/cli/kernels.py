"""Compile the kernels once, before anything is served; later starts read them from disk.

Numba writes its disk cache without locks, so only one process may (numba#4807): the first start
does it under a file lock, in a folder named after the source, and leaves a mark. NUMBA_CACHE_DIR
has to be set before `core` is imported, which is why this module imports nothing of it.
"""

import atexit
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from service.errors import Unavailable

CORE = Path(__file__).parents[2] / "core"
MARK = "compiled"


def prepare_kernels(home: Path) -> bool:
    """Make sure compiled kernels lie below `home` and this process reads them; True if it compiled.

    Once they are there, `home` may be read-only, and HOME always may.

    Raises:
        Unavailable: they do not compile here.
    """
    folder = (home / "kernels" / digest()).resolve()
    compiled = not (folder / MARK).exists() and _compile(folder)
    os.environ["NUMBA_CACHE_DIR"] = str(_writable(folder))
    return compiled


def _compile(folder: Path) -> bool:
    """Compile into `folder` unless another process just did; True if this one did."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / MARK).exists():
            return False
        made = subprocess.run(
            [sys.executable, "-m", "core.warmup"],
            cwd=CORE.parent,
            env=os.environ | {"NUMBA_CACHE_DIR": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise Unavailable(f"the kernels do not compile here: {made.stderr.strip()[-500:]}")
        (folder / MARK).touch()
    return True


def _writable(folder: Path) -> Path:
    """The folder, or a copy of it that lives as long as this process.

    Numba passes over a cache that it cannot write, even to read it, and without another one the
    import of core fails. The copy is 3 MB.
    """
    if os.access(folder, os.W_OK):
        return folder
    copy = Path(tempfile.mkdtemp(prefix="echotune-kernels-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for source in folder.rglob("*"):
        if source.is_file():  # not copytree: that keeps folders read-only
            target = copy / source.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return copy


def digest() -> str:
    """Names what compiled code depends on: our source, Numba, NumPy, Python, the processor."""
    about = hashlib.sha256()
    for source in sorted(CORE.glob("*.py")):
        about.update(source.read_bytes())
    for part in (version("numba"), version("numpy"), sys.version, platform.machine(), _cpu()):
        about.update(part.encode())
    return about.hexdigest()[:16]


def _cpu() -> str:
    """What Numba will compile for."""
    named = os.environ.get("NUMBA_CPU_NAME", "") + os.environ.get("NUMBA_CPU_FEATURES", "")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return named + platform.processor()
    return named + next((line for line in lines if line.startswith("flags")), "")
