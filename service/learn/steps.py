"""Steps of stochastic gradient descent for listens as they come, and the guard over them.

A listen is a step towards its strength, followed by a few tracks drawn at random that stand for all
not played (as in the fit, `service.learn.latent`). The draw is a function of the listen's own key,
so the same listens in the same order give the same bits however they are cut into batches.

The guard looks every `LOOK` listens at most: if the rows that were touched are longer than
`MOST_GROWTH` times what is usual (and than they were), or anything is not finite, all that was done
since the last look is taken back to the bit, and learning stops.
"""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core import sgd
from core.arrays import F32, I32, U64
from core.sgd import BiasedFactors
from service import metrics
from service.recommend.latent import NEGATIVES

RATE, REG = 0.01, 0.01
LOOK = 8_192
MOST_GROWTH = 10.0
SLOWNESS = 0.05
"""How much of the usual length one look renews."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class Steps(Struct, frozen=True):
    """What a batch of listens asks of the factors, one entry per listen."""

    keys: U64
    users: I32
    tracks: I32
    targets: F32
    weights: F32


class Guard(Struct):
    """What the guard remembers."""

    usual: float = math.nan  # length of a track's row and a user's, together
    stopped: bool = False


class Kept(Struct, frozen=True):
    """Rows as they were before a step: what the guard goes back to."""

    users: I32
    tracks: I32
    values: tuple[F32, F32, F32, F32, F32]


def learn(
    factors: BiasedFactors,
    steps: Steps,
    guard: Guard,
    *,
    rate: float = RATE,
    guarded: bool = True,
) -> I32:
    """Take the steps, in place; the rows of the tracks that changed.

    Nothing is done once learning has stopped.
    """
    changed = [np.empty(0, np.int32)]
    for start in range(0, steps.keys.size, LOOK):
        if guard.stopped:
            break
        part = slice(start, start + LOOK)
        some = Steps(*(getattr(steps, name)[part] for name in Steps.__struct_fields__))
        users, tracks, targets, weights = spread(some, len(factors.tracks))
        kept = keep(factors, users, tracks)
        learned = sgd.learn(
            factors, users, tracks, targets, weights=weights, learning_rate=rate, reg=REG
        )
        metrics.LEARNING_REFUSED.inc(learned.refused)
        if guarded and not sound(factors, kept, guard):
            put_back(factors, kept)
            guard.stopped = True
            metrics.LEARNING_STOPPED.set(1)
        else:
            changed.append(kept.tracks)
    return np.unique(np.concatenate(changed))


def spread(steps: Steps, size: int) -> tuple[I32, I32, F32, F32]:
    """Each listen and its random tracks, in order: users, tracks, targets, weights.

    Only a listen that speaks for its track is weighed against others.
    """
    tracks = np.empty((steps.keys.size, 1 + NEGATIVES), np.int32)
    tracks[:, 0] = steps.tracks
    numbers = np.arange(1, 1 + NEGATIVES, dtype=np.uint64)
    tracks[:, 1:] = mixed(steps.keys[:, None] + numbers * GOLDEN) % np.uint64(max(size, 1))
    targets = np.zeros(tracks.shape, np.float32)
    targets[:, 0] = steps.targets
    counts = np.repeat((steps.weights > 0)[:, None], 1 + NEGATIVES, axis=1)
    counts[:, 1:] &= (steps.targets > 0)[:, None]
    users = np.repeat(steps.users[:, None], 1 + NEGATIVES, axis=1)
    weights = np.repeat(steps.weights[:, None], 1 + NEGATIVES, axis=1)
    return users[counts], tracks[counts], targets[counts], weights[counts]


def mixed(keys: U64) -> U64:
    """Evenly spread uint64: splitmix64 (Steele, Lea and Flood, 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * MIX[0]
    keys = (keys ^ (keys >> np.uint64(27))) * MIX[1]
    return keys ^ (keys >> np.uint64(31))


def keep(factors: BiasedFactors, users: I32, tracks: I32) -> Kept:
    """Copies of the rows that these steps will touch."""
    users, tracks = np.unique(users), np.unique(tracks)
    values = (
        factors.users[users],
        factors.tracks[tracks],
        factors.user_biases[users],
        factors.track_biases[tracks],
        factors.mean.copy(),
    )
    return Kept(users, tracks, values)


def put_back(factors: BiasedFactors, kept: Kept) -> None:
    """Undo every step since `keep`, to the bit."""
    factors.users[kept.users], factors.tracks[kept.tracks] = kept.values[:2]
    factors.user_biases[kept.users], factors.track_biases[kept.tracks] = kept.values[2:4]
    factors.mean[:] = kept.values[4]


def sound(factors: BiasedFactors, kept: Kept, guard: Guard) -> bool:
    """Whether the rows that were touched are finite and not too long; renews the usual length."""
    now = length(factors.users[kept.users], factors.tracks[kept.tracks])
    biases = factors.user_biases[kept.users], factors.track_biases[kept.tracks], factors.mean
    if not math.isfinite(now) or not all(np.isfinite(some).all() for some in biases):
        return False
    if math.isnan(guard.usual):
        guard.usual = now
    if now > MOST_GROWTH * max(guard.usual, length(*kept.values[:2])) > 0:
        return False
    guard.usual += SLOWNESS * (now - guard.usual)
    metrics.LEARNING_NORM.set(now)
    return True


def length(users: NDArray[np.float32], tracks: NDArray[np.float32]) -> float:
    """Root mean square of the rows' lengths, users' and tracks' added; NaN or inf if one is."""
    with np.errstate(over="ignore", invalid="ignore"):
        return sum(
            float(np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1).mean()))
            for rows in (users, tracks)
            if len(rows)
        )
