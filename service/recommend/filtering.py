"""Which tracks may be on the list at all."""

import numpy as np
from numpy.typing import NDArray

from service.model.current import View
from service.recommend.ask import Ask, Listener


def eligible(view: View, listener: Listener, ask: Ask) -> NDArray[np.bool_]:
    """Bool (n,): not disliked, blocked, excluded, or unwanted by the mix.

    For "discover" another recording of a work that was heard is no news either.

    "Heard" is every track among the newest 500 listens: bounded work, and what was last heard
    before that may come as news again.
    """
    catalogue, history, user = view.catalogue, listener.history, listener.user
    allowed = np.full(catalogue.size, ask.mix != "familiar")
    if ask.mix == "familiar":
        allowed[history.liked_rows] = True
    elif ask.mix == "discover":
        allowed[history.rows] = False
        allowed[catalogue.recordings(history.rows)] = False
    else:
        allowed[history.rows[history.strengths <= 0]] = False
    allowed[history.disliked] = False
    rows = (catalogue.row(track_id) for track_id in (*ask.exclude, *user.blocked.tracks))
    allowed[[row for row in rows if row is not None]] = False
    if not user.preferences.explicit:
        allowed &= catalogue.harmless
    if artists := catalogue.artist_names.known(user.blocked.artists):
        allowed &= ~np.isin(catalogue.artists, artists)
    if genres := catalogue.genre_names.known(user.blocked.genres):
        carries = np.asarray(catalogue.genre_matrix[:, genres].sum(axis=1)) > 0
        allowed &= ~carries[catalogue.genre_sets]
    return allowed
