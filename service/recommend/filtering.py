"""Which tracks may be on the list at all."""

from datetime import datetime

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from service.domain import Blocked
from service.model.current import View
from service.recommend.ask import Ask, Listener


def eligible(view: View, listener: Listener, ask: Ask) -> NDArray[np.bool_]:
    """Bool (n,): not disliked, blocked, excluded, or unwanted by the mix.

    For "discover" another recording of a work that was heard is no news either.

    "Heard" is every track among the newest 500 listens: bounded work, and what was last heard
    before that may come as news again.
    """
    catalogue, history, user = view.catalogue, listener.history, listener.user
    blocked = as_of(user.blocked, listener.now)
    allowed = np.full(catalogue.size, ask.mix != "familiar")
    if ask.mix == "familiar":
        allowed[history.liked_rows] = True
    elif ask.mix == "discover":
        allowed[history.rows] = False
        allowed[catalogue.recordings(history.rows)] = False
    else:
        allowed[history.rows[history.strengths <= 0]] = False
    allowed[history.disliked] = False
    rows = (catalogue.row(track_id) for track_id in (*ask.exclude, *blocked.tracks))
    allowed[[row for row in rows if row is not None]] = False
    if not user.preferences.explicit:
        allowed &= catalogue.harmless
    if artists := catalogue.artist_names.known(blocked.artists):
        allowed &= ~np.isin(catalogue.artists, artists)
    if genres := catalogue.genre_names.known(blocked.genres):
        carries = np.asarray(catalogue.genre_matrix[:, genres].sum(axis=1)) > 0
        allowed &= ~carries[catalogue.genre_sets]
    return allowed


def as_of(blocked: Blocked, now: datetime | None) -> Blocked:
    """What is still blocked then; without a time nothing has lapsed."""
    lapsed = {(one.kind, one.name) for one in blocked.until if now is not None and one.at <= now}
    if not lapsed:
        return blocked
    return structs.replace(
        blocked,
        tracks=tuple(one for one in blocked.tracks if ("track", one) not in lapsed),
        artists=tuple(one for one in blocked.artists if ("artist", one) not in lapsed),
    )
