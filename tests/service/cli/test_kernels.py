"""Kernels are compiled once, by one process, for exactly this source and processor."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from service.cli import kernels
from service.errors import Unavailable


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test sets is set back."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/nowhere")


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


def test_a_compile_that_failed_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(monkeypatch, "false")
    with pytest.raises(Unavailable, match="the kernels do not compile here"):
        kernels.prepare_kernels(tmp_path)

    command(monkeypatch, "true")
    assert kernels.prepare_kernels(tmp_path)


def test_another_source_or_processor_is_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [kernels.digest(), kernels.digest()]
    assert digests[0] == digests[1]

    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    digests.append(kernels.digest())
    monkeypatch.setattr(kernels, "CORE", tmp_path)
    digests.append(kernels.digest())
    (tmp_path / "topk.py").write_text("pass")
    digests.append(kernels.digest())

    assert 4 == len(set(digests))
