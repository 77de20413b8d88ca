import csv
import os
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from service.cli import echotune
from tests.worlds import listens


@pytest.fixture
def plays(tmp_path: Path) -> Path:
    path = tmp_path / "plays.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["who", "what", "when"])
        table.writerows([one.user_id, one.track_id, one.at.isoformat()] for one in listens())
    return path


def call(tmp_path: Path, *words: str):
    env = {"ECHOTUNE_DATA_DIR": str(tmp_path / "data"), "DATASETS_DIR": None}
    kernels = os.environ.get("NUMBA_CACHE_DIR")
    return CliRunner().invoke(
        echotune, ["evaluate", *words], env=env | {"NUMBA_CACHE_DIR": kernels}
    )


@pytest.mark.parametrize(
    "words, advice",
    [
        (["x"], "no protocol"),
        (["n"], "DATASETS_DIR"),
        (["plays.csv"], "no file"),
        ([__file__], "--user COLUMN"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_next_step(
    words: list[str], advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.evaluating.prepare_kernels", lambda _: False)

    found = call(tmp_path, *words)

    assert 0 != found.exit_code
    assert advice in str(found.exception) + found.output


def test_a_file_of_own_listens_is_judged(
    plays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three tastes that never mix: co-listening finds the hidden tracks, popularity does not."""
    monkeypatch.setattr("service.cli.evaluating.prepare_kernels", lambda _: False)
    figures, picture = tmp_path / "quality.json", tmp_path / "quality.png"
    options = ["--user", "who", "--track", "what", "--time", "when", "--json", str(figures)]

    found = call(tmp_path, str(plays), *options, "--png", str(picture))

    assert 0 == found.exit_code, found.output
    told = msgspec.json.decode(figures.read_bytes())
    assert 45 == told["users"]
    assert told["rows"]["blend"]["quality"]["recall"] > 0.8
    assert told["against"]["popularity"]["low"] > 0
    assert "blend" in found.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
