"""User-track pairs by name: held out by every fit alike, or not seen by a model yet.

A pair is held out by a hash of the user's id and the track's row, which never moves, so a pair that
one fit held out is held out by the next one too, however much came between.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from service.learn.interactions import Interactions
from service.learn.selection import SEED, SHARE
from service.model.version import Model

Mask = NDArray[np.bool_]  # (pairs,) in the order of `matrix.data`


def held_out(users: list[str], matrix: csr_array) -> Mask:
    """The tenth of the pairs that choices are made on and a trial is judged by."""
    names = [hashlib.blake2b(user.encode(), digest_size=8).digest() for user in users]
    hashes = np.frombuffer(b"".join(names), np.uint64)
    mixed = _mixed(hashes[_users(matrix)] + _mixed(matrix.indices.astype(np.uint64)))
    held: Mask = mixed < np.uint64(SHARE * 2**64)
    return held


def newest_unseen(interactions: Interactions, model: Model) -> Mask:
    """The newest pairs of those that `model` was not fitted on: half of them, a tenth of all.

    Half, so that the other half can make a newer model better. A pair is as old as its first
    listen. Where too few listens have a time, the pairs are drawn by lot.
    """
    matrix = interactions.matrix
    seen = learned(model, interactions.users, matrix.shape[1])
    unseen = np.flatnonzero(~np.isin(_codes(matrix), _codes(seen), assume_unique=True))
    many = min(unseen.size // 2, matrix.nnz // 10)
    first = np.full(matrix.nnz, -1.0) if interactions.first is None else interactions.first
    timed = unseen[first[unseen] >= 0]
    if timed.size >= many:
        taken = timed[np.argsort(-first[timed], kind="stable")[:many]]
    else:
        taken = np.random.default_rng(SEED).permutation(unseen)[:many]
    mask = np.zeros(matrix.nnz, np.bool_)
    mask[taken] = True
    return mask


def learned(model: Model, users: list[str], tracks: int) -> csr_array:
    """float32 (users, tracks): what `model` was fitted on, of users who are still there."""
    place = {user: number for number, user in enumerate(users)}
    now = np.array([place.get(user, -1) for user in model.listeners.ids], np.int64)
    by_track = model.listeners.by_track
    rows = np.repeat(np.arange(model.tracks), np.diff(by_track.indptr))
    who = now[by_track.users]
    there = who >= 0
    places = (who[there], rows[there])
    matrix = csr_array((np.asarray(by_track.values)[there], places), shape=(len(users), tracks))
    matrix.sort_indices()
    return matrix


def _codes(matrix: csr_array) -> NDArray[np.int64]:
    """One number per pair."""
    codes: NDArray[np.int64] = _users(matrix) * matrix.shape[1] + matrix.indices
    return codes


def _users(matrix: csr_array) -> NDArray[np.int64]:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit depends on every bit."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
