"""What hidden directions of taste say about every track, with the history as the query.

A listener has no row of their own: they are folded in at request time, so a new listen changes the
next answer. 20 tracks heard of 20k: see docs/adr/0008.
"""

import numpy as np
from numpy.typing import NDArray

from core import sgd
from core.als import fold_in
from service.model.latent import Factors, Latent, Online
from service.recommend.parts import Parts, Projected

Scores = NDArray[np.float32]
Rows = NDArray[np.int32]
PASSES, NEGATIVES = 5, 4
RATE, REG = 0.05, 0.02
"""The steps of a listener, as those of the fit."""
SEED = 0


def latent_scores(latent: Latent, rows: Rows, strengths: Scores) -> Parts:
    """Each part that was fitted; `rows` are tracks of the fit."""
    scores: Parts = {}
    if latent.spectral is not None:
        asked = latent.spectral.query(rows, strengths)
        scores["spectral"] = Projected(latent.spectral.targets, asked)
    if latent.factors is not None:
        scores["factors"] = _factors(latent.factors, rows, strengths)
    if latent.online is not None:
        scores["online"] = _online(latent.online, rows, strengths)
    return scores


def _factors(factors: Factors, rows: Rows, strengths: Scores) -> Projected:
    penalised = factors.penalised
    user = fold_in(factors.tracks, penalised, rows, strengths, alpha=factors.alpha)
    return Projected(factors.embedding, user)


def _online(online: Online, rows: Rows, strengths: Scores) -> Scores:
    """Steps of one listener, oldest listen first, each followed by the same few random tracks."""
    draw = np.random.default_rng(SEED).integers(0, len(online.tracks), (rows.size, NEGATIVES))
    tracks = np.hstack([rows[::-1, None], draw]).astype(np.int32).ravel()
    targets = np.zeros((rows.size, 1 + NEGATIVES), np.float32)
    targets[:, 0] = strengths[::-1]
    near = sgd.BiasedFactors(
        np.zeros((1, online.tracks.shape[1]), np.float32),
        np.ascontiguousarray(online.tracks[tracks]),
        np.zeros(1, np.float32),
        online.biases[tracks],
        online.mean.copy(),
    )
    events = np.tile(np.arange(tracks.size, dtype=np.int32), PASSES)
    sgd.learn(
        near, np.zeros(events.size, np.int32), events, np.tile(targets.ravel(), PASSES),
        learning_rate=RATE, reg=REG, frozen_tracks=np.ones(tracks.size, np.bool_), frozen_mean=True,
    )  # fmt: skip
    scores: Scores = online.tracks @ near.users[0] + online.biases
    return scores
