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
CPU_FLAGS = {"bmi": "bmi1", "lzcnt": "abm", "sse4.1": "sse4_1", "sse4.2": "sse4_2"}
"""What Linux calls a feature of LLVM, where the names differ."""


def prepare_kernels(home: Path) -> bool:
    """Make sure compiled kernels lie below `home` and this process reads them; True if it compiled.

    Once they are there, `home` may be read-only, and HOME always may.

    Raises:
        Unavailable: they do not compile here, or are compiled for another processor.
    """
    if lacking := _wanted_features() - (_flags() or _wanted_features()):
        raise Unavailable(
            f"this processor has no {', '.join(sorted(lacking))}, which NUMBA_CPU_FEATURES has the"
            " kernels compiled for"
        )
    folder = (home / "kernels" / digest()).resolve()
    compiled = not (folder / MARK).exists() and _compile(folder)
    os.environ["NUMBA_CACHE_DIR"] = str(_writable(folder))
    return compiled


def _compile(folder: Path) -> bool:
    """Compile into `folder` unless another process just did; True if this one did."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lock").touch()
    except OSError as error:
        raise Unavailable(
            f"no kernels are compiled in {folder}, which cannot be written: {error.strerror}"
        ) from error
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
    """Names what compiled code depends on: our source, Numba, NumPy, Python, the processor.

    And the folder of the source, for Numba finds what it compiled by that: after a move the mark
    would say that all is there, and every process would compile by itself.
    """
    about = hashlib.sha256(str(CORE).encode())
    for source in sorted(CORE.glob("*.py")):
        about.update(source.read_bytes())
    for part in (version("numba"), version("numpy"), sys.version, platform.machine(), _cpu()):
        about.update(part.encode())
    return about.hexdigest()[:16]


def _cpu() -> str:
    """What Numba will compile for: what it is told, if that is everything, or this processor."""
    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    if name is not None and features is not None:
        return name + features  # and no flags: an image is made on one machine and runs on another
    return f"{name or ''}{features or ''}" + " ".join(sorted(_flags()) or [platform.processor()])


def _flags() -> set[str]:
    """What Linux says this processor can do; nothing where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.startswith("flags")), "").split()[2:])


def _wanted_features() -> set[str]:
    """What NUMBA_CPU_FEATURES takes for granted, as Linux calls it."""
    named = os.environ.get("NUMBA_CPU_FEATURES", "").split(",")
    wanted = {feature[1:] for feature in named if feature.startswith("+")}
    return {CPU_FLAGS.get(feature, feature) for feature in wanted}
