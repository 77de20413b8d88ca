"""The specification of `core.ordering.distinct` and `core.flow`, in plain Python; not checked."""

import itertools
import math

from core.arrays import F32, I32


def distinct(works: I32) -> list[int]:
    codes = works.tolist()
    return [at for at, code in enumerate(codes) if code == -1 or code not in codes[:at]]


def flow(features: F32, artists: I32, *, reach: int, gap: int, passes: int) -> list[int]:
    order = list(range(artists.size))
    for _ in range(passes):
        before = list(order)
        for left in range(1, len(order)):
            for right in range(left + 1, min(left + reach, len(order) - 1) + 1):
                swapped = list(order)
                swapped[left], swapped[right] = order[right], order[left]
                far = max(abs(swapped[place] - place) for place in (left, right)) > reach
                crowded = _crowded(artists, swapped, gap) > _crowded(artists, order, gap)
                if (
                    not far
                    and not crowded
                    and roughness(features, swapped) < roughness(features, order)
                ):
                    order = swapped
        if order == before:
            break
    return order


def roughness(features: F32, order: list[int]) -> float:
    """Sum of the steps between neighbours, tempo and energy alike."""
    values = features.astype(float)[:, order].T.tolist()
    return sum(
        0.25 if math.isnan(a) or math.isnan(b) else abs(a - b)
        for one, other in itertools.pairwise(values)
        for a, b in zip(one, other, strict=True)
    )


def _crowded(artists: I32, order: list[int], gap: int) -> int:
    codes = artists[order].tolist()
    return sum(
        codes[place].__ne__(-1) and codes[place] == codes[other]
        for place in range(len(codes))
        for other in range(max(0, place - gap), place)
    )
