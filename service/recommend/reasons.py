"""A reason on every track: the part that did most for it, in words and in ids."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.linear import contributions
from service.domain import FEATURES, Context, Part, Reason
from service.model.catalogue import UNKNOWN
from service.model.current import View
from service.profile.clock import zone
from service.profile.profile import audio_means, genre_shares
from service.recommend.ask import Ask, Listener
from service.recommend.context import moment
from service.recommend.scoring import Total, shares
from service.recommend.taste import AUDIO

SEEDS = 2
CLOSEST = 2
STAGES: dict[Part, str] = {
    "spectral": "collaborative", "factors": "collaborative", "online": "collaborative",
    "artist": "content", "genre": "content", "audio": "content",
}  # fmt: skip
WITHOUT_SEEDS: dict[Part, str] = {
    "spectral": "It goes with your taste as a whole",
    "factors": "Listeners with a taste like yours like it",
    "online": "It goes with what you played last",
    "trending": "Many people are playing it",
}
"""No single track is to thank for these."""


def explain(
    view: View, listener: Listener, ask: Ask, total: Total, rows: NDArray[np.int32]
) -> list[Reason]:
    """One reason per row, in the same order: the part that added most among those that are true.

    A part that is NaN or 0 for a track found nothing in it, even where it lowered the score least.
    """
    said, added = shares(total, rows)
    found = said > 0
    best = np.argmax(np.where(found, added, -np.inf), axis=0)
    names, reasons = list(total.parts), _Reasons(view, listener, ask, rows)
    true = found[best, np.arange(rows.size)]
    return [
        reasons.of(names[part], row) if so else _none(names[part])
        for part, row, so in zip(best.tolist(), rows.tolist(), true.tolist(), strict=True)
    ]


class _Reasons:
    """What is the same for every track of one list, worked out once, and when it is needed."""

    def __init__(self, view: View, listener: Listener, ask: Ask, shown: NDArray[np.int32]) -> None:
        self._view, self._listener, self._ask = view, listener, ask
        self._shown = shown
        self._liked = listener.history.liked_rows, listener.history.liked_strengths

    @cached_property
    def _by_artist(self) -> dict[int, list[int]]:
        """Liked rows of each artist somebody knows, as they come in the history."""
        rows, found = self._liked[0], dict[int, list[int]]()
        artists = self._view.catalogue.artists[rows]
        for row, artist in zip(rows.tolist(), artists.tolist(), strict=True):
            found.setdefault(artist, []).append(row)
        found.pop(UNKNOWN, None)
        return found

    @cached_property
    def _genres(self) -> NDArray[np.float32]:
        return genre_shares(*self._liked, self._view.catalogue)

    @cached_property
    def _sound(self) -> NDArray[np.float32]:
        return audio_means(*self._liked, self._view.catalogue)[0]

    @cached_property
    def _seeds(self) -> dict[int, list[int]]:
        return _seeds(self._view, self._listener, self._shown)

    def of(self, part: Part, row: int) -> Reason:
        match part:
            case "collaborative":
                return self._collaborative(row)
            case "artist":
                return self._artist(row)
            case "genre":
                return self._genre(row)
            case "audio":
                return self._audio(row)
            case "context":
                return self._context(row)
        return Reason(stage=STAGES.get(part, part), text=WITHOUT_SEEDS[part])

    def _collaborative(self, row: int) -> Reason:
        seeds = [self._view.catalogue.briefs[heard] for heard in self._seeds.get(row, ())]
        if not seeds:
            return Reason(stage="collaborative", text="People with your taste play it")
        names = " and ".join(f"“{seed.title}” by {seed.artist}" for seed in seeds)
        ids = tuple(seed.id for seed in seeds)
        return Reason(stage="collaborative", text=f"Because you play {names}", seeds=ids)

    def _artist(self, row: int) -> Reason:
        catalogue = self._view.catalogue
        name = catalogue.briefs[row].artist
        if mine := self._by_artist.get(int(catalogue.artists[row])):
            seeds = tuple(catalogue.briefs[row].id for row in mine[:SEEDS])
            return Reason(stage="content", text=f"More by {name}", seeds=seeds)
        return Reason(stage="content", text=f"You asked for {name}")

    def _genre(self, row: int) -> Reason:
        catalogue = self._view.catalogue
        matrix, genre_set = catalogue.genre_matrix, catalogue.genre_sets[row]
        codes = matrix.indices[matrix.indptr[genre_set] : matrix.indptr[genre_set + 1]]
        wanted = catalogue.genre_names.known(self._listener.user.preferences.genres)
        asked = [code for code in codes if code in wanted]
        best = max(codes, key=lambda code: (code in wanted, self._genres[code]))
        text = "You asked for" if asked else "More of what you play:"
        return Reason(stage="content", text=f"{text} {catalogue.genre_names.spelled[best]}")

    def _audio(self, row: int) -> Reason:
        features = self._closest(row, self._sound, AUDIO)
        text = _alike("Sounds like what you play", features)
        return Reason(stage="content", text=text, features=features)

    def _context(self, row: int) -> Reason:
        wanted = moment(
            self._ask.context,
            self._listener.history,
            self._view.catalogue,
            zone(self._listener.user.timezone),
        )
        features = self._closest(row, wanted.target, wanted.weights) if wanted else ()
        text = _alike(f"Fits {_occasion(self._ask.context)}", features)
        return Reason(stage="context", text=text, features=features)

    def _closest(
        self, row: int, target: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> tuple[str, ...]:
        """Names of the features that agree best, counting those that matter more."""
        distance = np.abs(self._view.catalogue.features[:, row] - target)
        agreement = np.where(np.isfinite(distance), weights * (1 - distance), -1)
        best = np.argsort(-agreement, kind="stable")[:CLOSEST]
        return tuple(FEATURES[i] for i in best if agreement[i] > 0)


def _seeds(view: View, listener: Listener, shown: NDArray[np.int32]) -> dict[int, list[int]]:
    """By row that is shown: the heard rows that add most to its co-listening score, if any do."""
    model, history = view.model, listener.history
    if model is None:
        return {}
    within = history.rows < model.tracks
    if not within.any():
        return {}
    rows, strengths = history.rows[within], history.strengths[within]
    targets = shown[shown < model.tracks]
    added = contributions(model.items, rows, strengths, targets)
    every = np.arange(targets.size)
    found: dict[int, list[int]] = {target: [] for target in targets.tolist()}
    for _ in range(SEEDS):  # the best of what is left, the earlier of two that are equal
        best = added.argmax(axis=1)
        for mine, heard, most in zip(found.values(), rows[best], added[every, best], strict=True):
            if most > 0:
                mine.append(int(heard))
        added[every, best] = 0
    return found


def _none(part: Part) -> Reason:
    return Reason(stage=STAGES.get(part, part), text="Something else to try")


def _alike(text: str, features: tuple[str, ...]) -> str:
    return f"{text}: similar {' and '.join(features)}" if features else text


def _occasion(context: Context) -> str:
    words: list[str] = [word for word in (context.mood, context.activity) if word != "none"]
    if context.daypart:
        words.append(("weekend " if context.weekend else "") + context.daypart)
    return " ".join(words) or f"your {context.device}"
