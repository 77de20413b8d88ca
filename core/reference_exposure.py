"""The plain twins of `core.exposure`, and of `core.topk` under prices."""

import numpy as np

from core import reference
from core.arrays import F32, F64, I32, I64


def topk(scores: F32, k: int, *, prices: F32, charge: float) -> tuple[I32, F32]:
    return reference.topk(scores - np.float32(charge) * prices, k)


def exposure(scores: F32, prices: F32, *, charge: float, k: int) -> I64:
    lists = [topk(of_user, k, prices=prices, charge=charge)[0] for of_user in scores]
    return np.bincount(np.concatenate([[], *lists]).astype(int), minlength=prices.size)


def adjust(prices: F32, shown: I64, target: F64, *, step: float) -> F32:
    if shown.sum() == 0:
        return prices
    wanted = target / target.sum() * shown.sum()
    least = 0.01 * shown.sum() / prices.size
    rows = zip(prices.tolist(), shown.tolist(), wanted.tolist(), strict=True)
    moved = [price + step * (times - share) / max(share, least) for price, times, share in rows]
    return np.array([min(price - min(moved), 4.0) for price in moved], np.float32)
