"""Takes a user's name out of the model versions on disk; what they taught stays until the next fit.

Without the name nobody can tell whose row it was. The names are replaced by a file of the same
length and rename, then the manifest: processes that serve the version keep what they have mapped.
"""

import os
from pathlib import Path

import msgspec
import numpy as np

from service.disk import alone_in, sync_folder
from service.model import files
from service.model.files import MANIFEST, Manifest

NAMES = "user_ids.npy"
NOBODY = ""


def forget(folder: Path, user_id: str) -> int:
    """Make the user nobody in every version; how many versions named them.

    Raises:
        OSError: a file cannot be read or written.
    """
    named = 0
    with alone_in(folder):  # two at once would each write back what the other took out
        for home in sorted(folder.glob("[!.]*/")):
            manifest = files.manifest_of(home)
            if manifest is not None and (home / NAMES).exists():
                named += _forget(home, manifest, user_id)
    return named


def _forget(home: Path, manifest: Manifest, user_id: str) -> bool:
    names = np.load(home / NAMES, allow_pickle=False)
    theirs = names == user_id
    if theirs.any():
        names[theirs] = NOBODY
        making = home / f".{NAMES}.tmp"
        with making.open("wb") as file:
            np.save(file, names, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        making.rename(home / NAMES)
    # Also when an attempt before this one died between the two.
    about = files.about(home / NAMES)
    if manifest.files.get(NAMES) != about:
        manifest.files[NAMES] = about
        making = home / f".{MANIFEST}.tmp"
        with making.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
            file.flush()
            os.fsync(file.fileno())
        making.rename(home / MANIFEST)
    sync_folder(home)
    return bool(theirs.any())
