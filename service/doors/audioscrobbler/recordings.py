"""From what a player calls a recording to a track of the catalogue: by MBID, else by name."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from service.model.catalogue import Catalogue
from service.model.works import work
from service.store import Store


class Named(Struct, frozen=True):
    """What a player says it played."""

    artist: str
    title: str
    mbid: str = ""


async def track_ids(
    store: Store, catalogue: Catalogue, played: Sequence[Named]
) -> list[str | None]:
    """The track of each, None where the catalogue has none.

    Of several recordings of a work the one with this very title counts, else the first.

    Raises:
        StoreUnavailable
    """
    mbids = [one.mbid for one in played if one.mbid]
    known = await store.resolve("recording_mbid", mbids) if mbids else {}
    return [_known(known.get(one.mbid), catalogue) or _alike(one, catalogue) for one in played]


def _known(track_id: str | None, catalogue: Catalogue) -> str | None:
    return track_id if track_id is not None and catalogue.knows(track_id) else None


def _alike(named: Named, catalogue: Catalogue) -> str | None:
    code = catalogue.work_names.codes.get(work(named.title, named.artist).casefold())
    if code is None:
        return None
    briefs = [catalogue.briefs[row] for row in np.flatnonzero(catalogue.works == code)]
    wanted = named.title.strip().casefold()
    same = (brief.id for brief in briefs if brief.title.strip().casefold() == wanted)
    return next(same, briefs[0].id if briefs else None)
