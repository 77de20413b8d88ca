"""What it takes for a new name in a folder to survive a crash."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Return when the names in this folder are on disk; a rename is not before that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
