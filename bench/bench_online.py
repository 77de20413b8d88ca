"""Online learning: how fast events are learned from, and what it adds on a world that changes.

Quality is measured in time order: at the end of each day every listener's list is made from what
was known then, and judged by what they play in the two days after. The arms differ in what they
know: the frozen model and nothing since; the newest history folded in; what trends besides; factors
that are learned on besides. The weight of the factors is chosen on one half of the listeners and
judged on the other. The world is generated: data with the times of real plays is not at hand (those
of HetRec Last.fm are the times of tags).
"""

import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

import anyio
import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from bench.harness import Outcome, Row, bar
from bench.online_world import CUT, DAYS, Drifting, drifting
from core import evaluation
from core.bootstrap import bootstrap
from service.bus import ListenStored
from service.bus.lease import MemoryLease
from service.bus.memory import MemoryStream
from service.domain import Listen, User
from service.learn.interactions import Interactions, read_interactions
from service.learn.learned import Learned
from service.learn.online import Learner
from service.learn.snapshot import Snapshots
from service.learn.training import fit_model
from service.model.current import Current, View
from service.model.latent import Online
from service.model.version import Model
from service.profile.history import NEWEST, fold
from service.recommend.ask import Ask, Listener
from service.recommend.filtering import eligible
from service.recommend.listing import arrange
from service.recommend.parts import Parts
from service.recommend.retrieval import STRATEGIES
from service.recommend.scoring import total_of, weights_for
from service.store.memory import MemoryStore

K = 10
AHEAD = timedelta(days=2)
WEIGHTS = (0.1, 0.3, 0.6)
SINGLE, BATCH = 1, 100
FROZEN, HISTORY, TRENDING = "frozen model", "+ newest history", "+ what trends"
STILL, LEARNED = "+ factors, frozen", "+ factors, learned on"


def online_bench(*, quick: bool) -> Outcome:
    """Listens per second through the learner; NDCG@10 of later plays, frozen against learned."""
    made = drifting(quick=quick)
    model = anyio.run(_fit, made)
    many, runs = (20_000, 1) if quick else (100_000, 5)
    speeds = {
        f"replay, {size} listens an event": max(
            anyio.run(_replay, made, model, size, many) for _ in range(runs)
        )
        for size in (SINGLE, BATCH)
    }
    arms, weight, hits = _quality(made, model)
    base = arms[FROZEN]
    rows = [Row(name=name, values={"listens/s": round(speed)}) for name, speed in speeds.items()]
    rows += [_row(name, values, base) for name, values in arms.items()]
    gain = arms[TRENDING] - base
    low, _ = bootstrap(gain, rng=np.random.default_rng(0))
    return Outcome(
        rows=rows,
        bars=[
            bar("replay, listens a second", min(speeds.values()), ">=", 50_000),
            bar("gain of what is learned while it runs, lower end", low, ">=", 0.0),
        ],
        params={
            "listens before": len(made.before),
            "listens after": len(made.after),
            "replay": f"best of {runs} times {many} listens",
            "lists judged": hits,
            "weight of factors": weight,
            "weight the fit gave": model.blend.online,
            "k": K,
        },
    )


async def _fit(made: Drifting) -> Model:
    async def batches() -> AsyncIterator[list[Listen]]:
        yield sorted(made.before, key=lambda one: one.user_id)

    interactions: Interactions = await read_interactions(batches(), made.catalogue)
    return fit_model(
        interactions, made.catalogue, version="bench", fitted_at=CUT, progress=lambda _share: None
    )


async def _replay(made: Drifting, model: Model, size: int, many: int) -> float:
    """Listens a second out of a stream, decoding and all, into a learner with all its parts."""
    listens = (made.before + made.after) * (many // len(made.before + made.after) + 1)
    listens = [structs.replace(one, id=f"r{number}") for number, one in enumerate(listens[:many])]
    stream, current = MemoryStream(most_waiting=many), Current(lambda: CUT)
    current.catalogue, current.model = made.catalogue, model
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(
            MemoryStore(), stream, current, Snapshots(Path(folder)), MemoryLease(),
            clock=lambda: CUT,
        )  # fmt: skip
        await learner.begin()
        for start in range(0, many, size):
            await stream.publish([ListenStored(listens[start : start + size])])
        limit = max(2_000 // size, 1)
        begun = perf_counter()
        while entries := await stream.read(learner.learned.place, limit=limit):
            await learner.hear(entries)
        spent = perf_counter() - begun
    if len(learner.learned.recent) != many:
        raise AssertionError("listens were lost")
    return many / spent


class Asked(Struct, frozen=True):
    """Somebody who asks."""

    then: Listener  # as they were at the cut
    now: Listener
    plays: NDArray[np.int32]  # what they had never heard and play in the two days to come


class Moment(Struct, frozen=True):
    """What was known at the end of a day, and who is asked then."""

    online: Online
    trending: NDArray[np.float32]
    asked: list[Asked]


def _quality(made: Drifting, model: Model) -> tuple[dict[str, NDArray[np.float64]], float, int]:
    """NDCG of each arm, list by list, at the weight that is best on the other half."""
    start = _learner_state(made, model)
    frozen_trend, still = _trend(start, made, CUT), model.latent.online
    moments = _moments(made, start)
    plain = _weighing(model, 0.0)

    def learned(moment: Moment, weight: float, factors: Online | None) -> View:
        return View(made.catalogue, _weighing(model, weight), moment.trending, online=factors)

    def over(half: int, view: Callable[[Moment], View], *, now: bool) -> NDArray[np.float64]:
        found = [_ndcg(view(moment), moment.asked[half::2], now=now) for moment in moments]
        return np.concatenate(found)

    chosen = {
        weight: over(0, lambda moment, at=weight: learned(moment, at, moment.online), now=True)  # type: ignore[misc]
        for weight in WEIGHTS
    }
    best = max(chosen, key=lambda weight: float(chosen[weight].mean()))
    frozen = View(made.catalogue, plain, frozen_trend)
    arms = {
        FROZEN: over(1, lambda _: frozen, now=False),
        HISTORY: over(1, lambda _: frozen, now=True),
        TRENDING: over(1, lambda moment: View(made.catalogue, plain, moment.trending), now=True),
        STILL: over(1, lambda moment: learned(moment, best, still), now=True),
        LEARNED: over(1, lambda moment: learned(moment, best, moment.online), now=True),
    }
    return arms, best, len(arms[FROZEN])


def _weighing(model: Model, weight: float) -> Model:
    """The same with another weight of the factors."""
    return structs.replace(model, blend=structs.replace(model.blend, online=weight))


def _learner_state(made: Drifting, model: Model) -> Learned:
    """As the service is at the cut: the model's factors, and what trended until then."""
    learned = Learned(CUT)
    learned.hear(made.before, made.catalogue)  # there is no model yet: it only counts
    learned.rebase(model)
    return learned


def _moments(made: Drifting, learned: Learned) -> list[Moment]:
    past: dict[str, list[Listen]] = defaultdict(list)
    for one in made.before:
        past[one.user_id].append(one)
    then = {user: list(listens) for user, listens in past.items()}
    days = [CUT + timedelta(days=day) for day in range(1, DAYS - AHEAD.days + 1)]
    at, moments = 0, []
    for number, day in enumerate(days):
        begin = at
        while at < len(made.after) and made.after[at].at < day:
            past[made.after[at].user_id].append(made.after[at])
            at += 1
        learned.hear(made.after[begin:at], made.catalogue)
        coming: dict[str, set[int]] = defaultdict(set)
        for one in made.after[at:]:
            if one.at - day >= AHEAD:
                break
            if one.action == "play":
                coming[one.user_id].add(made.catalogue.rows[one.track_id])
        asked = []
        for user in made.users[number % 3 :: 3]:
            now = _listener(made, user, past[user.id], day)
            known = set(now.history.rows.tolist())
            plays = np.array(sorted(coming[user.id] - known), np.int32)
            if plays.size:
                asked.append(Asked(_listener(made, user, then.get(user.id, []), CUT), now, plays))
        factors = learned.factors
        if factors is None:
            raise AssertionError("there are no factors")
        online = Online(
            tracks=factors.tracks.copy(),
            biases=factors.track_biases.copy(),
            mean=factors.mean.copy(),
        )
        moments.append(Moment(online, _trend(learned, made, day), asked))
    return moments


def _listener(made: Drifting, user: User, listens: Sequence[Listen], now: datetime) -> Listener:
    return Listener(user, fold(listens[: -NEWEST - 1 : -1], made.catalogue), now)


def _trend(learned: Learned, made: Drifting, now: datetime) -> NDArray[np.float32]:
    return np.log1p(learned.trending.counts(now, made.catalogue.size), dtype=np.float32)


def _ndcg(view: View, asked: Sequence[Asked], *, now: bool) -> NDArray[np.float64]:
    """NDCG@10 of lists without what was heard by now, made of the newest history or the old one."""
    ask = Ask(limit=K)
    shown = np.full((len(asked), K), evaluation.PADDING, np.int32)
    for place, one in enumerate(asked):
        somebody = one.now if now else one.then
        parts: Parts = {}
        for strategy in STRATEGIES.values():
            parts |= strategy(view, somebody, ask)
        total = total_of(parts, weights_for(parts, view.model), view.catalogue.features_by_row)
        allowed, heard = eligible(view, one.now, ask), one.now.history.rows
        rows = arrange(total, allowed, heard, view.catalogue, ask)[0]
        shown[place, : len(rows)] = rows[:K]
    sizes = np.cumsum([0, *(one.plays.size for one in asked)])
    plays = np.concatenate([np.empty(0, np.int32), *(one.plays for one in asked)])
    return evaluation.ndcg(shown, evaluation.Truth(sizes.astype(np.int64), plays))


def _row(name: str, values: NDArray[np.float64], base: NDArray[np.float64]) -> Row:
    gain = values - base
    low, high = bootstrap(gain, rng=np.random.default_rng(0)) if gain.any() else (0.0, 0.0)
    return Row(
        name=name,
        values={
            f"NDCG@{K}": float(values.mean()),
            "gain on frozen": float(gain.mean()),
            "from": low,
            "to": high,
        },
    )


BENCHES = {"online": online_bench}
