"""The specification of the kernels that learn factors, as `core.reference` is of the others."""

import numpy as np

from core.als import TINY, gram
from core.arrays import F32, F64, I32, Flags
from core.ease import Interactions
from core.histories import Histories
from core.lanes import LANES
from core.sgd import BiasedFactors, Learned

ONE, TWO = np.float32(1), np.float32(2)


def dot(x: F32, y: F32) -> np.float32:
    full = x.size - x.size % LANES
    lanes = np.zeros(LANES, np.float32)
    for at in range(0, full, LANES):
        lanes += x[at : at + LANES] * y[at : at + LANES]
    while lanes.size > 1:
        lanes = lanes[: lanes.size // 2] + lanes[lanes.size // 2 :]
    total: np.float32 = lanes[0]
    for at in range(full, x.size):
        total += x[at] * y[at]
    return total


def predict(factors: BiasedFactors, users: I32, tracks: I32) -> F32:
    pairs = zip(users, tracks, strict=True)
    return np.array([_predicted(factors, user, track) for user, track in pairs], np.float32)


def _predicted(factors: BiasedFactors, user: int, track: int) -> np.float32:
    biases = factors.mean[0] + factors.user_biases[user] + factors.track_biases[track]
    predicted: np.float32 = biases + dot(factors.users[user], factors.tracks[track])
    return predicted


def learn(
    factors: BiasedFactors,
    users: I32,
    tracks: I32,
    targets: F32,
    *,
    weights: F32 | None = None,
    learning_rate: float = 0.01,
    reg: float = 0.01,
    clip: float = 10.0,
    max_norm: float = 10.0,
    frozen_users: Flags | None = None,
    frozen_tracks: Flags | None = None,
    frozen_mean: bool = False,
) -> Learned:
    rate, decay = np.float32(learning_rate), np.float32(1 - learning_rate * reg)
    most, longest = np.float32(clip), np.float32(max_norm)
    refused, clipped, bounded, loss = [], 0, 0, 0.0
    for at, (user, track) in enumerate(zip(users, tracks, strict=True)):
        p, q = factors.users[user].copy(), factors.tracks[track].copy()
        weight = ONE if weights is None else weights[at]
        error = targets[at] - _predicted(factors, user, track)
        push = weight * error
        step = rate * min(max(push, -most), most)
        cross = TWO * decay * step * dot(p, q)
        p_norm = decay * decay * dot(p, p) + cross + step * step * dot(q, q)
        q_norm = decay * decay * dot(q, q) + cross + step * step * dot(p, p)
        if not (weight >= 0 and np.isfinite([push, p_norm, q_norm]).all()):
            refused.append(at)
            continue
        loss += float(push) * float(error)
        clipped += bool(abs(push) > most)
        sides = (
            (factors.users, factors.user_biases, user, p, q, p_norm, frozen_users),
            (factors.tracks, factors.track_biases, track, q, p, q_norm, frozen_tracks),
        )
        for rows, biases, row, old, other, norm, frozen in sides:
            if frozen is None or not frozen[row]:
                scale = ONE if norm <= longest * longest else longest / np.sqrt(norm)
                rows[row] = (scale * decay) * old + (scale * step) * other
                biases[row] = min(max(decay * biases[row] + step, -longest), longest)
                bounded += bool(scale < 1)
        if not frozen_mean:
            factors.mean[0] += step
    events = users.size - len(refused)
    first = refused[0] if refused else -1
    mean_loss = loss / events if events else float("nan")
    return Learned(events, len(refused), first, clipped, bounded, mean_loss)


def objective(
    factors: BiasedFactors, user: int, track: int, target: float, weight: float, reg: float
) -> float:
    """What one event costs, in float64: the gradient that `learn` follows is its derivative."""
    p, q = factors.users[user].astype(np.float64), factors.tracks[track].astype(np.float64)
    biases = float(factors.user_biases[user]), float(factors.track_biases[track])
    error = target - (float(factors.mean[0]) + sum(biases) + p @ q)
    penalty = p @ p + q @ q + biases[0] ** 2 + biases[1] ** 2
    return float(weight * error**2 + reg * penalty) / 2


def improve(
    rows: F32,
    fixed: F32,
    given: Histories,
    *,
    alpha: float = 1.0,
    l2: float = 0.01,
    cg_steps: int = 3,
) -> None:
    square = gram(fixed) + np.float32(l2) * np.eye(fixed.shape[1], dtype=np.float32)
    for row in range(given.size):
        of_row = slice(given.indptr[row], given.indptr[row + 1])
        near = fixed[given.columns[of_row]]
        strengths = given.strengths[of_row]
        weights = np.float32(alpha) * np.abs(strengths)
        wanted = np.where(strengths > 0, ONE + weights, np.float32(0))
        x = rows[row].copy()
        pull = wanted - weights * _each_dot(near, x)
        residual = _combined(near, pull) - _combined(square, x)
        direction, left = residual.copy(), dot(residual, residual)
        for _ in range(cg_steps):
            if left < TINY:
                break
            image = _combined(square, direction)
            image = _combined(near, weights * _each_dot(near, direction), image)
            step = left / dot(direction, image)
            x += step * direction
            residual -= step * image
            before, left = left, dot(residual, residual)
            direction = residual + (left / before) * direction
        rows[row] = x


def folded_in(tracks: F32, rows: I32, strengths: F32, *, alpha: float, l2: float) -> F64:
    """The least-squares answer that `als.fold_in` comes near to, solved in float64."""
    near, weights = tracks[rows].astype(np.float64), alpha * np.abs(strengths.astype(np.float64))
    square = tracks.astype(np.float64).T @ tracks + l2 * np.eye(tracks.shape[1])
    right = near.T @ np.where(strengths > 0, 1 + weights, 0)
    return np.asarray(np.linalg.solve(square + (near.T * weights) @ near, right), np.float64)


def loss(users: F32, tracks: F32, given: Interactions, *, alpha: float, l2: float) -> float:
    strengths = given.toarray().astype(np.float64)
    near = users.astype(np.float64) @ tracks.T
    costs = (1 + alpha * np.abs(strengths)) * ((strengths > 0) - near) ** 2
    return float(costs.sum() + l2 * ((users**2).sum() + (tracks**2).sum()))


def _each_dot(rows: F32, x: F32) -> F32:
    return np.array([dot(row, x) for row in rows], np.float32)


def _combined(rows: F32, scales: F32, start: F32 | None = None) -> F32:
    total = np.zeros(rows.shape[1], np.float32) if start is None else start
    for scale, row in zip(scales, rows, strict=True):
        total = total + scale * row
    return total


def products(values: F32, query: F32) -> F32:
    found = np.array([float(np.dot(row.astype(np.float64), query)) for row in values], np.float32)
    return np.where((values != 0).any(axis=1), found, np.float32(np.nan))


def product_moments(values: F32, query: F32) -> tuple[float, float]:
    known = products(values, query).astype(np.float64)
    known = known[~np.isnan(known)]
    return (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
