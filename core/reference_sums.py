"""The specification of `core.sums`: everything written out."""

import numpy as np

from core.arrays import F32, I32, I64, Flags
from core.reference import similarities, topk
from core.reference_factors import products
from core.sums import Sum


def sums_of(total: Sum) -> F32:
    score, said = np.zeros(total.n), np.zeros(total.n, np.bool_)
    for flat in total.flats:
        known = ~np.isnan(flat.values)
        score[known] += flat.weight * flat.values[known].astype(np.float64)
        said |= known & flat.speaks
    if total.flags is not None:
        flagged = np.flatnonzero(total.flags)
        score[flagged] += total.constant
        said[flagged] = True
    for table in total.tables:
        score += table.values[table.coding.codes]
        said[:] = True
    for one in total.nearnesses:
        near = similarities(np.ascontiguousarray(total.features.T), one.target, one.weights)
        added = one.scale * near.astype(np.float64) + one.shift
        known = ~np.isnan(added)
        score[known] += np.minimum(added[known], 0) if one.clipped else added[known]
        said |= known & (not one.clipped)
    for product in total.products:
        found = products(product.embedding.values, product.query).astype(np.float64)
        known = np.flatnonzero(~np.isnan(found))
        score[known] += found[known] + product.shift
        said[known] = True
    return np.where(said, score, np.nan).astype(np.float32)


def best_of(scores: F32, k: int, allowed: Flags | None, prices: F32, share: float) -> I32:
    left = scores if allowed is None else np.where(allowed, scores, np.float32(-np.inf))
    best = np.fmax.reduce(left, initial=np.float32(-np.inf))
    charge = np.float32(share) * best if share and 0 < best < np.inf else np.float32(0)
    paid = left - charge * prices if charge else left
    return topk(np.asarray(paid, np.float32), k)[0]


def peaks(values: F32, span: int) -> F32:
    known = np.nan_to_num(values, nan=0.0, neginf=-np.inf)
    starts = range(0, len(values), span)
    return np.array([known[start : start + span].max() for start in starts], np.float32)


def padded_moments(values: F32, count: int) -> tuple[float, float]:
    padded = np.zeros(count)
    padded[: np.count_nonzero(values)] = values[values != 0]
    return float(padded.mean()), float(padded.std())


def counted_moments(values: F32, counts: I64) -> tuple[float, float]:
    every = np.repeat(values.astype(np.float64), counts)
    return (float(every.mean()), float(every.std())) if every.size else (0.0, 0.0)
