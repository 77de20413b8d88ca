"""A file that outgrows one screen after another has two nouns: split it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 300
PARTS = ("core", "service", "bench", "k8s", "tests")
SOURCES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_is_longer_than_300_lines(path):
    length = len(path.read_text(encoding="utf-8").splitlines())

    assert length <= LIMIT, f"{path.relative_to(ROOT)} has {length} lines"
