"""An operator's own say about exposure: a CSV of track ids and weights."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.errors import Invalid
from service.model.catalogue import Catalogue

COLUMNS = ("track_id", "weight")


def read_weights(path: Path, catalogue: Catalogue) -> NDArray[np.float64]:
    """float64 (tracks,): the weight of every row; 0 for a track that the file does not name.

    Raises:
        Invalid: the file cannot be read, a weight is no number of at least 0, or none is above 0
            for a track of this catalogue.
    """
    weights = np.zeros(catalogue.size)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            if not set(COLUMNS) <= set(lines.fieldnames or ()):
                raise Invalid(f"{path.name} must be a CSV with the columns track_id and weight")
            for number, line in enumerate(lines, 2):
                row = catalogue.row(line["track_id"])
                if row is not None:
                    weights[row] = _weight(line["weight"], f"{path.name} line {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"exposure weights cannot be read from {path.name}: {error}") from error
    if not weights.any():
        raise Invalid(f"{path.name} gives no track of this catalogue a weight above 0")
    return weights


def _weight(text: str | None, where: str) -> float:
    try:
        weight = float(text or "")
    except ValueError:
        weight = -1.0
    if not 0 <= weight < np.inf:
        raise Invalid(f"{where}: weight must be a number of at least 0, got {text!r}")
    return weight
