"""Model versions on disk: a folder each, arrays as .npy opened with mmap, a manifest that vouches.

Written to a temporary folder, synced, renamed, the parent synced: a version is there whole or not
at all. Loading checks sizes and SHA-256, so a flipped bit is found before it is served.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.linear import ItemWeights
from core.neighbours import ByTrack
from service.disk import sync_folder
from service.errors import UnknownModel
from service.model import latent
from service.model.arrays import ARRAYS, TRIAL, not_finite, prices_from, to_arrays
from service.model.verdict import Verdict
from service.model.version import BlendWeights, Listeners, Model

KEPT = 5
REFUSED_KEPT = 2
"""Versions that the gate refused: a row of them must not push out what one could go back to."""
FORMAT = 2
MANIFEST = "manifest.json"
CURRENT = "current"
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
"""What a version may be called: it comes out of a URL and names a folder."""


class ArrayFile(Struct, frozen=True):
    """What the manifest says about one array."""

    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """Everything about a version but its arrays."""

    format: int
    version: str
    fitted_at: datetime
    tracks: int
    track_ids_sha256: str  # of the catalogue rows it was fitted on: rows must mean the same tracks
    blend: BlendWeights
    metrics: dict[str, float]
    files: dict[str, ArrayFile]
    learned_to: str = ""
    verdict: Verdict | None = None

    @property
    def refused(self) -> bool:
        """Whether the gate said no; somebody may have activated it all the same."""
        return self.verdict is not None and not self.verdict.passed


class BrokenModel(UnknownModel):
    """The files of this version do not match its manifest, or belong to another catalogue."""


def save(model: Model, track_ids: Sequence[str], folder: Path) -> None:
    """Write a version below `folder` and drop all but the newest few."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.tmp/"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    making = folder / f".{model.version}.tmp"
    making.mkdir()
    files = {name: _write(making / name, array) for name, array in to_arrays(model).items()}
    manifest = Manifest(
        format=FORMAT,
        version=model.version,
        fitted_at=model.fitted_at,
        tracks=model.tracks,
        track_ids_sha256=digest(track_ids[: model.tracks]),
        blend=model.blend,
        metrics=model.metrics,
        files=files,
        verdict=model.verdict,
        learned_to=model.learned_to,
    )
    _write_bytes(making / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    sync_folder(making)
    making.rename(folder / model.version)
    sync_folder(folder)
    _drop_old(folder, model.version)


def names(folder: Path, version: str) -> list[str]:
    """The files of a version.

    Raises:
        UnknownModel: there is no such version.
    """
    manifest = manifest_of(folder / version)
    if manifest is None:
        raise UnknownModel(f"there is no model {version!r}")
    return [*manifest.files, MANIFEST]


def holds(folder: Path, version: str) -> bool:
    """Whether a version is there: whole, since it was renamed into its place."""
    return (folder / version / MANIFEST).exists()


def adopt(making: Path, folder: Path, version: str) -> None:
    """Make the synced files in `making`, a folder inside of `folder`, a version of it."""
    sync_folder(making)
    making.rename(folder / version)
    sync_folder(folder)
    _drop_old(folder, version)


def _drop_old(folder: Path, spared: str) -> None:
    kept = versions(folder)
    refused = [one for one in kept if one.refused][:-REFUSED_KEPT]
    for old in refused + [one for one in kept if not one.refused][:-KEPT]:
        if old.version not in (spared, current(folder)):
            shutil.rmtree(folder / old.version, ignore_errors=True)  # another process does so too


def load(folder: Path, version: str, track_ids: Sequence[str]) -> Model:
    """Read and check a version.

    Raises:
        UnknownModel: there is no such version.
        BrokenModel: it is there but must not be served.
    """
    home = folder / version
    manifest = manifest_of(home) if VERSION.fullmatch(version) else None
    if manifest is not None and manifest.format != FORMAT:
        raise BrokenModel(
            f"model {version} has format {manifest.format}, served is {FORMAT}: fit again"
        )
    if manifest is None:
        raise UnknownModel(f"there is no model {version!r}; GET /v1/models lists what is kept")
    if len(track_ids) < manifest.tracks or manifest.track_ids_sha256 != digest(
        track_ids[: manifest.tracks]
    ):
        raise BrokenModel(f"model {version} was fitted on another catalogue: fit again")
    if manifest.files.keys() - {TRIAL} != set(ARRAYS):
        raise BrokenModel(f"the manifest of model {version} does not vouch for every array")
    arrays = {name: _read(home / name, said) for name, said in manifest.files.items()}
    if strange := not_finite(arrays):
        raise BrokenModel(f"model {version} has numbers that are none in {', '.join(strange)}")
    try:
        return _model(manifest, arrays)
    except ValueError as error:
        raise BrokenModel(f"the arrays of model {version} do not fit together") from error


def _model(manifest: Manifest, arrays: dict[str, NDArray[Any]]) -> Model:
    return Model(
        version=manifest.version,
        fitted_at=manifest.fitted_at,
        tracks=manifest.tracks,
        items=ItemWeights(arrays["indptr.npy"], arrays["indices.npy"], arrays["values.npy"]),
        listener_counts=arrays["listener_counts.npy"],
        listeners=Listeners(
            ids=[str(user) for user in arrays["user_ids.npy"]],
            norms=arrays["user_norms.npy"],
            by_track=ByTrack(
                arrays["by_track_indptr.npy"],
                arrays["by_track_users.npy"],
                arrays["by_track_strengths.npy"],
            ),
        ),
        latent=latent.from_arrays(arrays, manifest.tracks),
        blend=manifest.blend,
        prices=prices_from(arrays["prices.npy"], arrays["exposure_shares.npy"], manifest.tracks),
        metrics=manifest.metrics,
        trial=arrays.get(TRIAL),
        verdict=manifest.verdict,
        learned_to=manifest.learned_to,
    )


def versions(folder: Path) -> list[Manifest]:
    """The manifests of all whole versions, oldest first."""
    found = (manifest_of(home) for home in sorted(folder.glob("[!.]*/")))
    return [manifest for manifest in found if manifest is not None and manifest.format == FORMAT]


def current(folder: Path) -> str | None:
    """The version that was activated last."""
    try:
        return (folder / CURRENT).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None


def activate(folder: Path, version: str) -> None:
    """Make `version` the one a starting process serves."""
    making = folder / f".{CURRENT}.tmp"
    _write_bytes(making, version.encode("ascii"))
    making.rename(folder / CURRENT)
    sync_folder(folder)


def digest(track_ids: Sequence[str]) -> str:
    """SHA-256 over ids in row order."""
    return hashlib.sha256("\n".join(track_ids).encode()).hexdigest()


def _write(path: Path, array: NDArray[np.generic]) -> ArrayFile:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return about(path)


def _read(path: Path, said: ArrayFile) -> Any:  # noqa: ANN401 - dtypes are checked by their users
    try:
        if about(path) != said:
            raise BrokenModel(
                f"{path.name} of model {path.parent.name} does not match its manifest"
            )
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path.name} of model {path.parent.name} cannot be read") from error


def about(path: Path) -> ArrayFile:
    """What a manifest says of this file."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return ArrayFile(path.stat().st_size, sha256)


def manifest_of(home: Path) -> Manifest | None:
    """What a version says of itself; None when it is none."""
    try:
        manifest = msgspec.json.decode((home / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None
    return manifest if manifest.version == home.name else None


def _write_bytes(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
