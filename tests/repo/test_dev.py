"""./dev says what is missing before anything goes wrong."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ["sh", "cat", "chmod", "cksum", "cp", "dirname", "env", "mkdir", "rm", "sed", "tr"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose machine has the usual tools, but no Python."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    shutil.copy(ROOT / "dev", tmp_path / "dev")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./dev", *words],
        cwd=checkout,
        env={"PATH": str(checkout / "bin"), "HOME": str(checkout)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def put_python(checkout: Path, body: str) -> None:
    program = checkout / "bin" / "python3"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


# Stands in for Python: makes a .venv of copies of itself and writes down what it was asked.
RECORDER = """
echo "$*" >>calls
case "$*" in
    *version_info*) echo 3.12 ;;
    *"-m venv"*) mkdir -p "$4/bin" && sed '' "$0" >"$4/bin/python" && sed '' "$0" >"$4/bin/pip" &&
        chmod +x "$4/bin/python" "$4/bin/pip" ;;
esac
"""


@pytest.mark.parametrize("words", [(), ("help",)])
def test_help_needs_nothing_and_fits_a_screen(checkout, words):
    helped = run(checkout, *words)

    assert 0 == helped.returncode
    for verb in ("serve", "test", "check", "bench", "load", "faults", "lock"):
        assert f"./dev {verb}" in helped.stdout
    assert len(helped.stdout.splitlines()) <= 24


@pytest.mark.parametrize("verb", ["serve", "test", "check", "bench", "import"])
def test_without_python_it_says_what_to_install(checkout, verb):
    failed = run(checkout, verb)

    assert 2 == failed.returncode
    assert "EchoTune needs Python 3.11 or newer" in failed.stderr
    assert "apt install python3" in failed.stderr
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_named(checkout):
    put_python(checkout, "echo 3.9")

    failed = run(checkout, "test")

    assert 2 == failed.returncode
    assert "python3 here is Python 3.9" in failed.stderr


def test_a_python_without_venv_names_the_package_that_brings_it(checkout):
    put_python(checkout, 'case "$2" in *version_info*) echo 3.12 ;; *) exit 1 ;; esac')

    failed = run(checkout, "test")

    assert 2 == failed.returncode
    assert "apt install python3-venv" in failed.stderr
    assert not (checkout / ".venv").exists()


def test_what_is_installed_is_installed_once_and_by_hash(checkout):
    put_python(checkout, RECORDER)

    assert 0 == run(checkout, "recommend", "u1").returncode
    first = (checkout / "calls").read_text().splitlines()
    (checkout / "calls").unlink()
    again = run(checkout, "recommend", "u1")
    second = (checkout / "calls").read_text().splitlines()

    locks = [call for call in first if call.startswith("-m pip") and ".lock" in call]
    assert 2 == len(locks)
    assert all("--require-hashes" in call and "--no-deps" in call for call in locks)
    assert ["-P -m service recommend u1"] == second
    assert "" == again.stderr


def test_a_changed_lock_is_installed_again(checkout):
    put_python(checkout, RECORDER)
    run(checkout, "recommend", "u1")
    with (checkout / "requirements" / "run.lock").open("a") as lock:
        lock.write("# changed\n")
    (checkout / "calls").unlink()

    run(checkout, "recommend", "u1")

    calls = (checkout / "calls").read_text()
    assert 1 == calls.count("-m pip")
    assert "run.lock" in calls


def test_dev_is_executable_and_plain_sh():
    assert os.access(ROOT / "dev", os.X_OK)
    subprocess.run(["sh", "-n", ROOT / "dev"], check=True)
