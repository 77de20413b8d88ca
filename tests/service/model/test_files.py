"""Model versions on disk: whole or not at all, and nothing that the manifest does not know."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from service.errors import UnknownModel
from service.model import files
from service.model.arrays import ARRAYS, TRIAL, to_arrays
from service.model.version import BlendWeights, Model, Prices
from tests.service.given import NOON, catalogue, latent, model

KNOWN = catalogue()
TRACK_IDS = [brief.id for brief in KNOWN.briefs]
PRICES = Prices(
    values=np.linspace(0, 1, KNOWN.size, dtype=np.float32), shares=np.arange(1.0, KNOWN.size + 1)
)
FITTED = model(
    KNOWN,
    blend=BlendWeights(artist=0.7),
    prices=PRICES,
    metrics={"hybrid.recall": 0.25},
    latent=latent(KNOWN.size),
)


def saved(folder: Path, version: str = "v1") -> Path:
    files.save(msgspec.structs.replace(FITTED, version=version), TRACK_IDS, folder)
    return folder / version


def load(folder: Path, version: str = "v1") -> Model:
    return files.load(folder, version, TRACK_IDS)


def rewrite(home: Path, **changes) -> None:
    """Change the manifest, as somebody who can write there would."""
    path = home / files.MANIFEST
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | changes))


def test_a_version_comes_back_to_the_bit(tmp_path: Path) -> None:
    saved(tmp_path)

    loaded = load(tmp_path)

    for name, array in to_arrays(FITTED).items():
        assert array.dtype == to_arrays(loaded)[name].dtype
        assert array.tobytes() == to_arrays(loaded)[name].tobytes()
    assert (FITTED.version, NOON, FITTED.tracks) == (
        loaded.version,
        loaded.fitted_at,
        loaded.tracks,
    )
    assert (FITTED.blend, FITTED.metrics) == (loaded.blend, loaded.metrics)
    assert FITTED.listeners.ids == loaded.listeners.ids


def test_prices_come_back_and_none_are_none(tmp_path: Path) -> None:
    files.save(msgspec.structs.replace(FITTED, prices=None), TRACK_IDS, tmp_path / "free")
    saved(tmp_path)

    prices = load(tmp_path).prices

    assert load(tmp_path / "free").prices is None
    assert prices is not None
    np.testing.assert_array_equal(PRICES.values, prices.values)
    np.testing.assert_array_equal(PRICES.shares, prices.shares)


@pytest.mark.parametrize("name", ["prices.npy", "exposure_shares.npy"])
def test_prices_of_other_tracks_are_broken(tmp_path: Path, name: str) -> None:
    home = saved(tmp_path)
    about = files._write(home / name, np.ones(3, np.float32))
    vouched = msgspec.json.decode((home / files.MANIFEST).read_bytes())["files"]
    rewrite(home, files=vouched | {name: about})

    with pytest.raises(files.BrokenModel, match="do not fit together"):
        load(tmp_path)


def test_a_model_of_nobody_and_nothing_comes_back_too(tmp_path: Path) -> None:
    empty = catalogue().with_tracks([])
    files.save(model(empty, []), TRACK_IDS, tmp_path)

    assert [] == load(tmp_path).listeners.ids


def test_arrays_are_mapped_not_read(tmp_path: Path) -> None:
    """Many workers share one copy in the page cache."""
    saved(tmp_path)

    array = load(tmp_path).listener_counts

    assert isinstance(array.base, np.memmap)
    assert not array.flags.writeable


@pytest.mark.parametrize("name", ARRAYS)
def test_one_flipped_bit_in_any_array_is_found(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path) / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(files.BrokenModel, match=f"{name} of model v1 does not match"):
        load(tmp_path)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_truncated_or_missing_array_is_found(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path) / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(files.BrokenModel, match="does not match"):
        load(tmp_path)

    path.unlink()
    with pytest.raises(files.BrokenModel, match=f"{name} of model v1 cannot be read"):
        load(tmp_path)


def test_two_swapped_arrays_are_found(tmp_path: Path) -> None:
    home = saved(tmp_path)
    (home / "values.npy").rename(home / "spare")
    (home / "user_norms.npy").rename(home / "values.npy")
    (home / "spare").rename(home / "user_norms.npy")

    with pytest.raises(files.BrokenModel):
        load(tmp_path)


def test_a_manifest_that_leaves_an_array_out_or_names_another_is_broken(tmp_path: Path) -> None:
    home = saved(tmp_path)
    vouched = msgspec.json.decode((home / files.MANIFEST).read_bytes())["files"]
    for change in (
        {name: about for name, about in vouched.items() if name != "values.npy"},
        vouched | {"../../secret.npy": vouched["values.npy"]},
    ):
        rewrite(home, files=change)

        with pytest.raises(files.BrokenModel, match="does not vouch for every array"):
            load(tmp_path)


def test_arrays_that_do_not_fit_together_are_broken_even_when_vouched_for(tmp_path: Path) -> None:
    home = saved(tmp_path)
    about = files._write(home / "indices.npy", np.array([10**6], np.int32))
    vouched = msgspec.json.decode((home / files.MANIFEST).read_bytes())["files"]
    rewrite(home, files=vouched | {"indices.npy": about})

    with pytest.raises(files.BrokenModel, match="do not fit together"):
        load(tmp_path)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    home = saved(tmp_path)
    np.save(home / "user_ids.npy", np.array([{"a": 1}], object), allow_pickle=True)
    vouched = msgspec.json.decode((home / files.MANIFEST).read_bytes())["files"]
    rewrite(home, files=vouched | {"user_ids.npy": files.about(home / "user_ids.npy")})

    with pytest.raises(files.BrokenModel, match=r"user_ids\.npy of model v1 cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "?"},
        {"version": "v2"},
        {"tracks": "many"},
        {"files": None},
        {"fitted_at": "then"},
    ],
)
def test_a_manifest_that_cannot_be_read_or_of_another_name_is_no_version(
    tmp_path: Path, changes
) -> None:
    rewrite(saved(tmp_path), **changes)

    with pytest.raises(UnknownModel, match="there is no model 'v1'"):
        load(tmp_path)
    assert [] == files.versions(tmp_path)


@pytest.mark.parametrize("other", [files.FORMAT - 1, files.FORMAT + 1])
def test_a_version_of_another_format_is_refused_clearly(tmp_path: Path, other: int) -> None:
    home = saved(tmp_path)
    manifest = msgspec.json.decode((home / files.MANIFEST).read_bytes())
    vouched = {name: about for name, about in manifest["files"].items() if "online" not in name}
    rewrite(home, format=other, files=vouched)

    message = f"model v1 has format {other}, served is {files.FORMAT}: fit again"
    with pytest.raises(files.BrokenModel, match=message):
        load(tmp_path)
    assert [] == files.versions(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_no_json_is_no_version(tmp_path: Path, content) -> None:
    (saved(tmp_path) / files.MANIFEST).write_bytes(content)

    with pytest.raises(UnknownModel):
        load(tmp_path)


@pytest.mark.parametrize("track_ids", [TRACK_IDS[:-1], TRACK_IDS[::-1], ["x", *TRACK_IDS[1:]], []])
def test_a_model_of_another_catalogue_is_not_served(tmp_path: Path, track_ids) -> None:
    saved(tmp_path)

    with pytest.raises(files.BrokenModel, match="fitted on another catalogue: fit again"):
        files.load(tmp_path, "v1", track_ids)


def test_tracks_added_since_the_fit_do_not_matter(tmp_path: Path) -> None:
    saved(tmp_path)

    assert len(TRACK_IDS) == files.load(tmp_path, "v1", [*TRACK_IDS, "new"]).tracks


@pytest.mark.parametrize(
    "version",
    ["../outside/v1", "../models/v1", "/etc", "", ".", "..", "v1/", "v1\0", "v1\n", ".v1.tmp", "ü"],
)
def test_a_version_is_a_name_and_never_a_path(tmp_path: Path, version: str) -> None:
    folder = tmp_path / "models"
    saved(folder)
    saved(tmp_path / "outside")

    with pytest.raises(UnknownModel, match="there is no model"):
        load(folder, version)


def test_a_half_written_folder_is_no_version(tmp_path: Path) -> None:
    home = saved(tmp_path)
    home.rename(tmp_path / ".v1.tmp")
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "values.npy").write_bytes(b"")

    assert [] == files.versions(tmp_path)
    for version in ("v1", "v2"):
        with pytest.raises(UnknownModel):
            load(tmp_path, version)


def test_what_a_crash_left_behind_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".v1.tmp").mkdir()
    (tmp_path / ".v1.tmp" / "junk").write_bytes(b"x")

    home = saved(tmp_path)

    assert {*ARRAYS, TRIAL, files.MANIFEST} == {path.name for path in home.iterdir()}


def test_the_newest_few_are_kept_and_the_current_one_always(tmp_path: Path) -> None:
    saved(tmp_path, "v00")
    files.activate(tmp_path, "v00")
    for number in range(1, 9):
        saved(tmp_path, f"v{number:02}")

    kept = [manifest.version for manifest in files.versions(tmp_path)]
    assert ["v00", "v04", "v05", "v06", "v07", "v08"] == kept


def test_a_version_just_saved_is_kept_even_when_the_clock_went_back(tmp_path: Path) -> None:
    for number in range(3, 3 + files.KEPT):
        saved(tmp_path, f"v{number:02}")

    saved(tmp_path, "v01")

    assert "v01" == load(tmp_path, "v01").version


def test_the_current_version_is_the_one_activated_last(tmp_path: Path) -> None:
    assert files.current(tmp_path) is None
    for version in ("v1", "v2", "v1"):
        files.activate(tmp_path, version)

    assert "v1" == files.current(tmp_path)


def test_a_garbled_note_of_the_current_version_names_none_that_exists(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / files.CURRENT).write_bytes(b"\xff\0\xfe")

    with pytest.raises(UnknownModel):
        load(tmp_path, str(files.current(tmp_path)))
