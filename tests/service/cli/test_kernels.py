"""Kernels are compiled once, by one process, for exactly this source and processor."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli import kernels
from service.errors import Unavailable


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test sets is set back."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/nowhere")


@pytest.fixture
def compiled(request: pytest.FixtureRequest) -> Path:
    """What the first start of this test run compiled: `kernels` is a module here."""
    folder: Path = request.getfixturevalue("kernels")
    return folder


def command(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let another program stand in for the compiling child process."""
    monkeypatch.setattr(sys, "executable", shutil.which(name))


def test_the_first_start_compiles_and_the_second_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, "true")
    assert kernels.prepare_kernels(tmp_path)

    command(monkeypatch, "false")
    assert not kernels.prepare_kernels(tmp_path)


def test_this_process_reads_the_kernels_from_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, "true")
    kernels.prepare_kernels(tmp_path)

    assert str(tmp_path / "kernels" / kernels.digest()) == os.environ["NUMBA_CACHE_DIR"]


def test_no_command_reads_numba_before_it_knows_where_the_kernels_are() -> None:
    """Numba reads NUMBA_CACHE_DIR once, when it is imported."""
    asked = "import sys, service.cli; print('numba' in sys.modules)"

    said = subprocess.run(
        [sys.executable, "-c", asked], cwd=kernels.CORE.parent, capture_output=True, check=True
    )

    assert b"False" == said.stdout.strip()


def test_a_compile_that_failed_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, "false")
    with pytest.raises(Unavailable, match="the kernels do not compile here"):
        kernels.prepare_kernels(tmp_path)

    command(monkeypatch, "true")
    assert kernels.prepare_kernels(tmp_path)


def test_another_source_place_or_processor_is_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [kernels.digest(), kernels.digest()]
    assert digests[0] == digests[1]

    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    digests.append(kernels.digest())
    for folder in (tmp_path, tmp_path / "moved"):
        monkeypatch.setattr(kernels, "CORE", folder)
        digests.append(kernels.digest())
    (tmp_path / "topk.py").write_text("pass")
    monkeypatch.setattr(kernels, "CORE", tmp_path)
    digests.append(kernels.digest())

    assert 5 == len(set(digests))


START = """
import sys
from pathlib import Path
from service.cli.kernels import prepare_kernels
compiled = prepare_kernels(Path(sys.argv[1]))
from core.warmup import kernels, warm
warm()
print(compiled, sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels().values()))
"""


def start(home: Path, *before: str) -> subprocess.Popen[str]:
    """A process as `serve` begins, whose HOME cannot be written: /proc takes no folder."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", START, str(home)],
        cwd=kernels.CORE.parent,
        env=os.environ | {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"},
        stdout=subprocess.PIPE,
        text=True,
    )


def powerless() -> list[str]:
    """What to put before a command so that even root has to obey the mode of a folder."""
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("root may write anywhere, and there is no setpriv here")
    return [setpriv, "--inh-caps=-dac_override", "--bounding-set=-dac_override"]


def test_several_processes_may_start_at_once_and_a_later_one_from_a_read_only_folder(
    tmp_path: Path, compiled: Path
) -> None:
    """One compiles, the others wait and read; then the same without the right to write.

    Without the mark all has to be compiled, though most of it is found: that is quicker.
    """
    shutil.copytree(compiled, tmp_path / "kernels")
    (tmp_path / "kernels" / kernels.digest() / kernels.MARK).unlink()
    answers = [process.communicate()[0].split() for process in [start(tmp_path) for _ in range(4)]]

    assert ["False"] * 3 + ["True"] == sorted(answer[0] for answer in answers)
    assert ["0"] * 4 == [answer[1] for answer in answers]

    folder = tmp_path / "kernels" / kernels.digest()
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for path in (folder, *filter(Path.is_dir, files)):
        path.chmod(0o555)
    later = start(tmp_path, *powerless()).communicate()[0].split()
    for path in (folder, *filter(Path.is_dir, files)):
        path.chmod(0o755)

    assert ["False", "0"] == later
    assert files == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_copy_of_a_read_only_folder_goes_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, "true")
    kernels.prepare_kernels(tmp_path)
    left: list[tuple[object, ...]] = []
    monkeypatch.setattr("atexit.register", lambda *call, **_: left.append(call))
    monkeypatch.setattr("os.access", lambda *_: False)
    kernels.prepare_kernels(tmp_path)
    copy = Path(os.environ["NUMBA_CACHE_DIR"])

    assert (copy / kernels.MARK).exists()
    assert copy.parent != tmp_path / "kernels"
    assert [(shutil.rmtree, copy)] == left
    shutil.rmtree(copy)
