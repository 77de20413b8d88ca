"""Users who are taken out of model versions at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from service.model import anonymous, files
from service.model.files import MANIFEST, Manifest
from service.model.version import BlendWeights

USERS = [f"u{number}" for number in range(16)]


def test_who_is_forgotten_while_others_are_stays_forgotten(tmp_path: Path) -> None:
    """Each wrote back what the other had taken out, or found its file renamed by the other."""
    home = tmp_path / "a-version"
    home.mkdir()
    np.save(home / anonymous.NAMES, np.array([*USERS, "kept"], "<U64"))
    manifest = Manifest(
        format=files.FORMAT,
        version=home.name,
        fitted_at=datetime(2026, 3, 1, tzinfo=UTC),
        tracks=0,
        track_ids_sha256="",
        blend=BlendWeights(),
        metrics={},
        files={anonymous.NAMES: files.about(home / anonymous.NAMES)},
    )
    (home / MANIFEST).write_bytes(msgspec.json.encode(manifest))

    with ThreadPoolExecutor(8) as threads:
        named = list(threads.map(lambda user: anonymous.forget(tmp_path, user), USERS))

    names = np.load(home / anonymous.NAMES)
    again = files.manifest_of(home)

    assert again is not None
    assert {anonymous.NAMES: files.about(home / anonymous.NAMES)} == again.files
    assert [1] * len(USERS) == named
    assert [anonymous.NOBODY] * len(USERS) + ["kept"] == names.tolist()
