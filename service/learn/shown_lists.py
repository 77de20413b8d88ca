"""The lists that processes say they have made, so that a later "shown again" means its tracks."""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from service.bus import ExposureLogged
from service.learn.batch import digest
from service.model.catalogue import Catalogue

MOST = 100_000
"""Lists that are remembered, the newest: 22 MB of lists of 20."""


class ShownLists:
    """Rows of each list by a digest of its id; the one that was shown longest ago goes first.

    As bytes of int32: as arrays they took 30 MB.
    """

    def __init__(self) -> None:
        self.rows: OrderedDict[int, bytes] = OrderedDict()

    def shown(self, fact: ExposureLogged, catalogue: Catalogue, size: int) -> NDArray[np.int64]:
        """int64 (size,): how often each of the first rows was shown; unknown lists are left out."""
        for made in fact.made:
            rows = [row for one in made.track_ids if (row := catalogue.row(one)) is not None]
            self.rows[digest(made.list_id)] = np.array(rows, np.int32).tobytes()
        times = np.zeros(size, np.int64)
        for list_id, count in fact.shown.items():
            key = digest(list_id)
            kept = self.rows.get(key)
            if kept is not None:
                self.rows.move_to_end(key)
                found = np.frombuffer(kept, np.int32)
                np.add.at(times, found[found < size], count)
        while len(self.rows) > MOST:
            self.rows.popitem(last=False)
        return times
