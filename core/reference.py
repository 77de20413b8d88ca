"""The specification: each public kernel again, in plain NumPy or Python, same name, no speed.

Nothing is checked here; tests and benches feed both sides the same valid arrays.
"""

import math
from collections.abc import Iterable

import numpy as np
from scipy.sparse import csr_array

from core.arrays import F32, F64, I32, Flags
from core.blend import LANES
from core.cells import MISSING, NOBODY, RARE, SAMPLE, U8
from core.ease import Interactions
from core.evaluation import PADDING, Truth
from core.linear import ItemWeights
from core.neighbours import ByTrack
from core.tiles import TILE

NAN, EXCLUDED = np.float32(np.nan), np.float32(-np.inf)


def topk(scores: F32, k: int) -> tuple[I32, F32]:
    eligible = (row for row, score in enumerate(scores) if score > -np.inf)
    rows = np.array(sorted(eligible, key=lambda row: (-scores[row], row))[:k], np.int32)
    return rows, scores[rows]


def similarities(features: F32, target: F32, weights: F32) -> F32:
    near = np.zeros(features.shape[1], np.float32)
    shared = np.zeros(features.shape[1], np.float32)
    for row, wanted, weight in zip(features, target, weights, strict=True):
        if weight > 0 and not np.isnan(wanted):
            known = ~np.isnan(row)
            near[known] += weight * (1 - np.abs(row[known] - wanted))
            shared[known] += weight
    return np.divide(near, shared, out=np.full_like(near, np.nan), where=shared > 0)


def similar(
    features: F32,
    target: F32,
    weights: F32,
    k: int,
    *,
    eligible: Flags | None = None,
    bias: F32 | None = None,
) -> tuple[I32, F32]:
    scores = similarities(features, target, weights)
    if bias is not None:
        scores = scores + bias
    if eligible is not None:
        scores = np.where(eligible, scores, EXCLUDED)
    return topk(scores, k)


def mips(
    values: F32,
    query: F32,
    k: int,
    *,
    bias: F32 | None = None,
    eligible: Flags | None = None,
    excluded: I32 | None = None,
    artists: I32 | None = None,
    cap: int = 0,
) -> tuple[I32, F32]:
    n, d = values.shape
    padded = np.zeros((n, max(1, -(-d // 16)) * 16), np.float32)
    padded[:, :d] = values * query
    lanes: F32 = np.zeros((n, 16), np.float32)
    for products in np.split(padded, padded.shape[1] // 16, axis=1):
        lanes = lanes + products
    while lanes.shape[1] > 1:
        low, high = np.split(lanes, 2, axis=1)
        lanes = np.add(low, high)
    scores: F32 = lanes[:, 0] if bias is None else lanes[:, 0] + bias
    if eligible is not None:
        scores = np.where(eligible, scores, EXCLUDED)
    if excluded is not None:
        scores[excluded] = EXCLUDED
    rows, _ = topk(scores, n)
    if artists is not None:
        of_rows = artists[rows].tolist()
        rows = rows[[a < 0 or of_rows[:at].count(a) < cap for at, a in enumerate(of_rows)]]
    return rows[:k], scores[rows[:k]]


def ease(interactions: Interactions, *, l2: float | F32) -> F32:
    x = interactions.toarray().astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + np.diag(np.broadcast_to(l2, x.shape[1])))
    dense = -inverse / np.diag(inverse)
    np.fill_diagonal(dense, 0)
    return dense.astype(np.float32)


def spectral(
    interactions: Interactions,
    *,
    dimensions: int,
    track_exponent: float = 0.5,
    target_exponent: float = 0.5,
) -> F32:
    x = interactions.toarray().astype(np.float64)
    of_users, of_tracks = (np.maximum(x.sum(axis=axis), 1e-9) for axis in (1, 0))
    normal = x * of_users[:, None] ** -0.5 * of_tracks**-track_exponent
    directions = np.linalg.svd(normal)[2][:dimensions]
    left = of_tracks[:, None] ** -track_exponent * directions.T
    return np.asarray(left @ directions * of_tracks**target_exponent, np.float32)


def truncate(dense: F32, neighbours: int, *, tracks: I32, n: int) -> ItemWeights:
    whole = np.zeros((n, n), np.float32)
    for row, of_row in zip(tracks, dense, strict=True):
        best = sorted(range(len(of_row)), key=lambda at: (-abs(of_row[at]), at))[:neighbours]
        whole[row, tracks[best]] = of_row[best]
    kept = csr_array(whole)
    return ItemWeights(kept.indptr.astype(np.int64), kept.indices.astype(np.int32), kept.data)


def score(weights: ItemWeights, rows: I32, strengths: F32) -> F32:
    out = np.zeros(weights.n, np.float32)
    for row, strength in zip(rows, strengths, strict=True):
        of_row = slice(weights.indptr[row], weights.indptr[row + 1])
        out[weights.indices[of_row]] += strength * weights.values[of_row]
    return out


def contributions(weights: ItemWeights, rows: I32, strengths: F32, targets: I32) -> F32:
    out = np.zeros((targets.size, rows.size), np.float32)
    for at, (row, strength) in enumerate(zip(rows, strengths, strict=True)):
        out[:, at] = score(weights, np.array([row]), np.array([strength]))[targets]
    return out


def cosine(
    by_track: ByTrack, norms: F32, rows: I32, strengths: F32, *, min_overlap: int = 1
) -> F32:
    dots, shared = np.zeros(norms.size, np.float32), np.zeros(norms.size, np.int32)
    for row, strength in zip(rows, strengths, strict=True):
        of_row = slice(by_track.indptr[row], by_track.indptr[row + 1])
        dots[by_track.users[of_row]] += strength * by_track.values[of_row]
        shared[by_track.users[of_row]] += 1
    lengths = np.float32(math.sqrt(_total(float(s) ** 2 for s in strengths))) * norms
    fits = (shared >= min_overlap) & (lengths > 0)
    alike: F32 = np.divide(dots, lengths, out=np.zeros_like(dots), where=fits)
    return alike


def communities(
    by_track: ByTrack,
    interactions: Interactions,
    k: int,
    *,
    min_overlap: int,
    min_similarity: float,
) -> tuple[I32, F32]:
    users = interactions.shape[0]
    rows, best = np.full((users, k), -1, np.int32), np.zeros((users, k), np.float32)
    histories = [interactions[[user]] for user in range(users)]
    norms = np.array(
        [math.sqrt(_total(float(s) ** 2 for s in history.data)) for history in histories],
        np.float32,
    )
    for user, history in enumerate(histories):
        alike = cosine(by_track, norms, history.indices, history.data, min_overlap=min_overlap)
        alike[user] = 0
        alike[(alike <= 0) | (alike < np.float32(min_similarity))] = EXCLUDED
        found, scores = topk(alike, k)
        rows[user, : found.size], best[user, : found.size] = found, scores
    return rows, best


def standardise(scores: F32) -> F32:
    finite = [float(score) if np.isfinite(score) else None for score in scores]
    count = max(len(finite) - finite.count(None), 1)
    mean = _by_lane([score or 0.0 for score in finite]) / count
    squares = _by_lane([0.0 if score is None else (score - mean) ** 2 for score in finite])
    deviation = math.sqrt(squares / count)
    scale = 1 / deviation if deviation > 0 else 0.0
    standard = [(float(s) - mean) * scale if np.isfinite(s) else s for s in scores]
    return np.array(standard, np.float32)


def _by_lane(values: list[float]) -> float:
    return _total(_total(values[lane::LANES]) for lane in range(LANES))


def blend(scores: F32, weights: F32) -> F32:
    out = np.full(scores.shape[1], NAN)
    for strategy, weight in zip(scores, weights, strict=True):
        for row, score in enumerate(standardise(strategy)):
            if weight != 0 and not np.isnan(score):
                term = score if score == EXCLUDED else weight * score
                out[row] = term + (np.float32(0) if np.isnan(out[row]) else out[row])
    return out


def space(artists: I32, limit: int, *, gap: int, cap: int) -> I32:
    left, chosen = list(range(artists.size)), list[int]()
    while left and len(chosen) < limit:
        places = [artists[at] for at in chosen if artists[at] != -1]
        recent = [artists[at] for at in chosen[max(0, len(chosen) - gap) :] if artists[at] != -1]
        under_cap = [at for at in left if places.count(artists[at]) < cap]
        apart = [at for at in under_cap if artists[at] not in recent]
        chosen.append((apart or under_cap or left)[0])
        left.remove(chosen[-1])
    return np.array(chosen, np.int32)


def recall(shown: I32, truth: Truth) -> F64:
    return np.array([sum(hits) / size if size else np.nan for hits, size in _hits(shown, truth)])


def ndcg(shown: I32, truth: Truth) -> F64:
    def gain(hits: list[bool]) -> float:
        return _total(hit / math.log2(rank + 1) for rank, hit in enumerate(hits, 1))

    k = shown.shape[1]
    return np.array(
        [
            gain(h) / gain([True] * min(k, size)) if size else np.nan
            for h, size in _hits(shown, truth)
        ]
    )


def mrr(shown: I32, truth: Truth) -> F64:
    return np.array(
        [
            (1 / (hits.index(True) + 1) if True in hits else 0.0) if size else np.nan
            for hits, size in _hits(shown, truth)
        ]
    )


def coverage(shown: I32, n: int) -> float:
    return len({row for user in shown.tolist() for row in user if row != PADDING}) / n


def gini(exposure: F64) -> float:
    differences = sum(abs(one - other) for one in exposure for other in exposure)
    return float(differences / (2 * len(exposure) * sum(exposure)))


def novelty(shown: I32, listeners: I32, users: int) -> float:
    known = [max(listeners[row], 1) / users for user in shown for row in user if row != PADDING]
    return sum(-math.log2(share) for share in known) / len(known) / math.log2(users)


def arrange(codes: U8) -> I32:
    lacks = [sum(1 << j for j in np.flatnonzero(row == MISSING)) for row in codes]
    common = {one for one in lacks if lacks.count(one) >= RARE}
    groups = [[row for row, one in enumerate(lacks) if one == wanted] for wanted in sorted(common)]
    groups.append([row for row, one in enumerate(lacks) if one not in common])
    cells = [cell for group in groups if group for cell in _halves(codes, group)]
    full = [cell + [NOBODY] * (TILE - len(cell)) for cell in cells]
    return np.array(full, np.int32).ravel()


def boxes(codes: U8, order: I32) -> U8:
    found = []
    for places in order.reshape(-1, TILE):
        cell = codes[places[places != NOBODY]]
        lacks = (cell == MISSING).any(axis=0)
        found.append(
            (np.where(lacks, 0, cell.min(axis=0)), np.where(lacks, MISSING - 1, cell.max(axis=0)))
        )
    return np.array(found, np.uint8).reshape(-1, 2, codes.shape[1]).transpose(1, 2, 0)


def _halves(codes: U8, rows: list[int]) -> list[list[int]]:
    if len(rows) <= TILE:
        return [rows]
    some = codes[rows[:: max(1, len(rows) // SAMPLE)]].astype(float)
    feature = int(np.argmax((some**2).mean(axis=0) - some.mean(axis=0) ** 2))
    by_code = sorted(rows, key=lambda row: codes[row, feature])
    half = (-(-len(rows) // TILE) + 1) // 2 * TILE
    left, right = sorted(by_code[:half]), sorted(by_code[half:])
    return _halves(codes, left) + _halves(codes, right)


def _hits(shown: I32, truth: Truth) -> list[tuple[list[bool], int]]:
    found = []
    for user, rows in enumerate(shown.tolist()):
        wanted = set(truth.indices[truth.indptr[user] : truth.indptr[user + 1]].tolist())
        hits = [row in wanted and row not in rows[:rank] for rank, row in enumerate(rows)]
        found.append((hits, len(wanted)))
    return found


def _total(values: Iterable[float]) -> float:
    total = 0.0  # `sum` is compensated since Python 3.12 and would not match a plain loop
    for value in values:
        total += value
    return total
