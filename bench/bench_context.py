"""What a context adds: real playlists named for an activity or a mood, and hours of the demo world.

Tables were fitted on half of the playlists of each name; every figure is of the other half.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from msgspec import convert
from numpy.typing import NDArray

from bench import picture
from bench.context_fit import aucs, fit
from bench.harness import Outcome, Row, datasets
from bench.playlists import FEWEST, WORDS, Playlist, Playlists, halves, named, read
from bench.session_world import Fitted, fitted, interval, listener, ndcg
from bench.session_world import halves as moments
from core import evaluation
from core.topk import topk
from service.domain import Context, User
from service.model.current import View
from service.profile.clock import part_of_week, zone
from service.profile.history import History
from service.recommend.ask import Ask, Listener
from service.recommend.context import ACTIVITIES, MOODS, Targets
from service.recommend.filtering import eligible
from service.recommend.listing import arrange
from service.recommend.parts import Parts
from service.recommend.retrieval import STRATEGIES, content, context
from service.recommend.scoring import combine, total_of, weights_for

Rows = NDArray[np.int32]
TABLES: dict[str, Targets] = dict([*ACTIVITIES.items(), *MOODS.items()])
K = 50
SPLITS = 5  # of each judged playlist into what was heard and what is to be found
SOON = timedelta(hours=2)


def context_bench(*, quick: bool) -> Outcome:
    """AUC of the context score alone, and NDCG@50 of content with and without it; hours as well."""
    datasets()
    playlists = read()
    rows, drawn = [], {}
    for label in WORDS:
        row = _label(playlists, label, refit=not quick)
        rows.append(row)
        if "with" in row.values:
            drawn[label] = {name: float(row.values[name]) for name in ("without", "with")}
    rows.extend(_hours(fitted(quick=quick)))
    if not quick:
        picture.bars(
            "context", "Held-out tracks of real playlists, content ranking", f"NDCG@{K}", drawn
        )
    return Outcome(rows=rows, params={"tracks": playlists.catalogue.size, "splits": SPLITS})


def _label(playlists: Playlists, label: str, *, refit: bool) -> Row:
    ids = named(playlists, label)
    if len(ids) < FEWEST:
        return Row(name=label, values={"playlists": len(ids), "verdict": "not measured"})
    table = TABLES[label]
    values: dict[str, float | int | str] = {"playlists": len(ids)}
    if refit:
        values["fitted"] = " ".join(f"{n}:{t}x{w:g}" for n, (t, w) in fit(playlists, label).items())
    if not table:
        return Row(name=label, values=values | {"verdict": "no gain: no table"})
    _, judged = halves(playlists, label)
    alone = aucs(playlists, label, judged, table, within=False)
    within = aucs(playlists, label, judged, table, within=True)
    low, high = interval(np.array(within))[1:]
    values |= {
        "judged": len(judged),
        "AUC": float(np.mean(alone)),
        "in genre": float(np.mean(within)),
        "in genre from": low,
        "in genre to": high,
    }
    return Row(name=label, values=values | _retrieval(playlists, label, judged))


def _retrieval(
    playlists: Playlists, label: str, judged: Sequence[Playlist]
) -> dict[str, float | int | str]:
    """NDCG and recall of the other half of each playlist, of content with and without context."""
    view = View(playlists.catalogue, None, np.zeros(playlists.catalogue.size, np.float32))
    given = convert({"activity" if label in ACTIVITIES else "mood": label}, Context)
    gains: dict[bool, list[float]] = {False: [], True: []}
    found: dict[bool, list[float]] = {False: [], True: []}
    for playlist in judged:
        for split in range(SPLITS):
            mixed = np.random.default_rng(split).permutation(playlist.rows)
            heard, truth = np.sort(mixed[::2]), np.sort(mixed[1::2])
            wanted = evaluation.Truth(np.array([0, len(truth)]), truth)
            for used in (False, True):
                shown = _content(view, heard, Ask(context=given) if used else Ask())
                gains[used].append(float(evaluation.ndcg(shown[None], wanted)[0]))
                found[used].append(float(evaluation.recall(shown[None], wanted)[0]))
    by_playlist = (np.array(gains[True]) - np.array(gains[False])).reshape(-1, SPLITS).mean(axis=1)
    gain, low, high = interval(by_playlist)
    return {
        "without": float(np.mean(gains[False])),
        "with": float(np.mean(gains[True])),
        "gain": gain,
        "gain from": low,
        "gain to": high,
        "recall without": float(np.mean(found[False])),
        "recall with": float(np.mean(found[True])),
    }


def _content(view: View, heard: Rows, ask: Ask) -> Rows:
    ones = np.ones(len(heard), np.float32)
    history = History(
        rows=heard, strengths=ones, plays=ones, disliked=np.empty(0, np.int32), listens=[]
    )
    somebody = Listener(User(id="-"), history)
    parts = content(view, somebody, ask) | context(view, somebody, ask)
    scores = combine(parts, weights_for(parts, None), view.catalogue.size)
    scores[heard] = -np.inf
    return topk(scores, k=K)[0]


def _hours(made: Fitted) -> list[Row]:
    """The generated world: what the clock adds to lists for the next two hours."""
    _, judged = moments(made, skipped=False, ahead=SOON)
    rows = []
    for mix in ("discover", "familiar", "blend"):
        lists: dict[bool, list[Rows]] = {False: [], True: []}
        played = []
        for moment in judged:
            somebody = listener(moment, made.view)
            heard = somebody.history.rows
            played.append(
                np.setdiff1d(moment.played, heard).astype(np.int32)
                if mix == "discover"
                else moment.played
            )
            daypart, weekend = part_of_week(moment.now, zone(moment.user.timezone))
            for used in (False, True):
                given = Context(daypart=daypart, weekend=weekend) if used else Context()
                ask = Ask(mix=mix, limit=20, context=given)
                lists[used].append(_whole(made.view, somebody, ask))
        without, clocked = ndcg(lists[False], played), ndcg(lists[True], played)
        gain, low, high = interval(clocked - without)
        rows.append(
            Row(
                name=f"hour, generated world, {mix}",
                values={
                    "judged": int(np.isfinite(without).sum()),
                    "without": float(np.nanmean(without)),
                    "with": float(np.nanmean(clocked)),
                    "gain": gain,
                    "gain from": low,
                    "gain to": high,
                },
            )
        )
    return rows


def _whole(view: View, somebody: Listener, ask: Ask) -> Rows:
    parts: Parts = {}
    for strategy in STRATEGIES.values():
        parts |= strategy(view, somebody, ask)
    total = total_of(parts, weights_for(parts, view.model), view.catalogue.features_by_row)
    allowed = eligible(view, somebody, ask)
    return arrange(total, allowed, somebody.history.rows, view.catalogue, ask)[0]


BENCHES = {"context": context_bench}
