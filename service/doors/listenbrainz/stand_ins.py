"""Ids that stand in for the MBIDs of tracks that have none."""

from uuid import UUID, uuid5

from service.model.catalogue import Catalogue

OURS = UUID("b41f0a5e-7a2d-5c5e-8f0e-51b4a3d6c201")
"""The namespace of ids that stand in for MBIDs; MusicBrainz has none of version 5."""


class StandIns:
    """Tracks by the ids that stand in for their MBIDs, as far as the catalogue was read."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._read = 0

    def track_id(self, mbid: str, catalogue: Catalogue) -> str | None:
        """The track that was shown with this id: 2 µs a track that is new since the last call."""
        for row in range(self._read, catalogue.size):
            self._rows[stand_in(catalogue.briefs[row].id)] = row
        self._read = max(self._read, catalogue.size)
        found = self._rows.get(mbid)
        return None if found is None or found >= catalogue.size else catalogue.briefs[found].id


def stand_in(track_id: str) -> str:
    """What a track without MBID is called here."""
    return str(uuid5(OURS, track_id))
