"""What README shows, runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.readme import block

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OWN_VERBS = set(re.findall(r"^  \./dev (\w+)", (ROOT / "dev").read_text("utf-8"), re.MULTILINE))


def _blocks(language: str) -> list[str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return [body for kind, body in BLOCK.findall(readme) if kind == language]


def _verbs() -> list[str]:
    lines = (line.strip().removeprefix("$ ") for body in _blocks("sh") for line in body.split("\n"))
    return sorted({line.split()[1] for line in lines if re.match(r"\./dev \w", line)})


def test_readme_shows_the_two_commands_a_newcomer_needs():
    assert {"serve", "test"} <= set(_verbs())


@pytest.mark.parametrize("verb", _verbs())
def test_every_verb_in_readme_exists(verb):
    if verb in OWN_VERBS - {"serve"}:
        return
    asked = subprocess.run(
        [sys.executable, "-m", "service", verb, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert asked.returncode == 0, asked.stderr


def test_python_in_readme_runs(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ECHOTUNE_DATA_DIR": str(tmp_path / "data")}
    for source in _blocks("python"):
        ran = subprocess.run(
            [sys.executable, "-c", source],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

        assert ran.returncode == 0, ran.stderr


def test_every_number_in_the_table_is_one_that_was_measured():
    assert block() in (ROOT / "README.md").read_text(encoding="utf-8")
