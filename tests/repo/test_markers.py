"""A merge that was not finished is no text to read."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARKERS = ("<" * 7 + " ", ">" * 7 + " ")


def test_no_file_has_the_marks_of_a_merge() -> None:
    listed = ["git", "ls-files", "*.py", "*.md", "*.toml", "*.lua", "dev"]
    found = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in found.stdout.split()}

    assert texts
    assert [] == [
        name
        for name, text in texts.items()
        if any(line.startswith(MARKERS) for line in text.splitlines())
    ]
