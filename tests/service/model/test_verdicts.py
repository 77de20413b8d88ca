"""What the gate said stays with a version; what is no number never serves."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from service.model import files
from service.model.arrays import TRIAL, not_finite, to_arrays
from service.model.verdict import Figure, Verdict
from tests.service.model.test_files import FITTED, PRICES, TRACK_IDS, load, saved

FIGURE = Figure(listeners=80, champion=0.3, candidate=0.25, low=-0.3, high=-0.02)
REFUSED = Verdict(
    passed=False, why="worse", basis="trial", champion="v0", figures={"country SE": FIGURE}
)
MARKS = np.linspace(-1, 1, 2 * len(FITTED.listeners.ids), dtype=np.float32).reshape(-1, 2)


def kept(folder: Path, version: str, verdict: Verdict | None = None) -> None:
    judged = msgspec.structs.replace(FITTED, version=version, verdict=verdict, trial=MARKS)
    files.save(judged, TRACK_IDS, folder)


def names(folder: Path) -> list[str]:
    return [one.version for one in files.versions(folder)]


def test_a_verdict_and_the_marks_of_the_trial_come_back(tmp_path: Path) -> None:
    kept(tmp_path, "v1", REFUSED)

    (manifest,) = files.versions(tmp_path)
    loaded = load(tmp_path)

    assert (REFUSED, True) == (manifest.verdict, manifest.refused)
    assert loaded.verdict == REFUSED
    np.testing.assert_array_equal(MARKS, loaded.trial)


def test_a_version_from_before_there_was_a_gate_still_loads(tmp_path: Path) -> None:
    home = saved(tmp_path)
    manifest = msgspec.json.decode((home / files.MANIFEST).read_bytes())
    (home / TRIAL).unlink()
    del manifest["verdict"], manifest["files"][TRIAL]
    (home / files.MANIFEST).write_bytes(msgspec.json.encode(manifest))

    (found,) = files.versions(tmp_path)

    assert (None, False) == (found.verdict, found.refused)
    assert (None, None) == (load(tmp_path).verdict, load(tmp_path).trial)


def test_damaged_marks_are_found_like_any_other_damage(tmp_path: Path) -> None:
    home = saved(tmp_path)
    (home / TRIAL).write_bytes(b"")

    with pytest.raises(files.BrokenModel, match=r"trial_ndcg\.npy"):
        load(tmp_path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_model_with_a_number_that_is_none_is_found_out(tmp_path: Path, bad: float) -> None:
    values = PRICES.values.copy()
    values[7] = bad
    broken = msgspec.structs.replace(FITTED, prices=msgspec.structs.replace(PRICES, values=values))
    files.save(broken, TRACK_IDS, tmp_path)

    assert ["prices.npy"] == not_finite(to_arrays(broken))
    assert [] == not_finite(to_arrays(FITTED))
    with pytest.raises(files.BrokenModel, match=r"numbers that are none in prices\.npy"):
        load(tmp_path)


def test_refused_versions_push_out_nothing_one_could_go_back_to(tmp_path: Path) -> None:
    for number in range(files.KEPT):
        kept(tmp_path, f"v{number}")
    for number in range(4):
        kept(tmp_path, f"w{number}", REFUSED)

    assert [f"v{number}" for number in range(files.KEPT)] + ["w2", "w3"] == names(tmp_path)


def test_a_refused_version_that_serves_all_the_same_is_not_dropped(tmp_path: Path) -> None:
    kept(tmp_path, "v1", REFUSED)
    files.activate(tmp_path, "v1")
    for number in range(2, 6):
        kept(tmp_path, f"v{number}", REFUSED)

    assert ["v1", "v4", "v5"] == names(tmp_path)
