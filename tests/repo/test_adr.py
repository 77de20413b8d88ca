"""Decisions are written so that somebody can disagree with them later."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "adr"
DECISIONS = sorted(FOLDER.glob("*.md"))
SECTIONS = ["Status", "Context", "Options", "Decision", "Consequences"]


def test_numbers_are_complete_and_unique():
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert list(range(1, len(DECISIONS) + 1)) == numbers


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_five_sections(path):
    text = path.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n+(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))

    assert SECTIONS == list(sections)
    assert re.search(r"\d", sections["Context"]), "the context has no number"
    assert sections["Decision"].startswith("We ")
    for word in ("Good", "Bad", "Wrong if"):
        assert f"{word}:" in sections["Consequences"], f"no '{word}:' among the consequences"


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_fits_one_page(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
