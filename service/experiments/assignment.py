"""Who is in which variant: a hash, so every process and every restart says the same.

A layer is cut into buckets, of which each of its experiments holds its own: two of one layer never
share a user (Tang et al., Overlapping Experiment Infrastructure, KDD 2010). An experiment that
grows takes more and gives none back, so whoever is in it stays. The variant comes from another
hash, by the experiment's own name: layers and variants know nothing of each other.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Any

from msgspec import structs

from service.domain import Experiment, Variant
from service.errors import Conflict

BUCKETS = 10_000
POINTS = 1 << 64
Ranges = tuple[tuple[int, int], ...]  # of buckets, each from the first up to but without the last


def assign(
    experiment: Experiment, user_id: str, traits: Mapping[str, Any], at: datetime
) -> Variant | None:
    """The variant that this user is in at that time; None: in none of them.

    `traits` are what the audience may ask for. An override counts whatever the audience says.
    """
    if experiment.status != "running" or not _open(experiment, at):
        return None
    named = experiment.overrides.get(user_id)
    if named is not None:
        chosen = next((one for one in experiment.variants if one.name == named), None)
        return None if chosen is None or chosen.name in experiment.halted else chosen
    if any(traits.get(key) != value for key, value in experiment.audience.items()):
        return None
    place = bucket(layer_of(experiment), user_id)
    if not any(first <= place < last for first, last in experiment.buckets):
        return None
    point = _point(f"variant\0{experiment.name}\0{user_id}") / POINTS
    reaches = _reaches(tuple(variant.weight for variant in experiment.variants))
    chosen = experiment.variants[bisect_right(reaches, point)]
    return None if chosen.name in experiment.halted else chosen


def bucket(layer: str, user_id: str) -> int:
    """Where in a layer a user is: 0 to `BUCKETS` - 1."""
    return _point(f"layer\0{layer}\0{user_id}") * BUCKETS // POINTS


def layer_of(experiment: Experiment) -> str:
    """Without a layer an experiment has one to itself, which no other can have the name of."""
    return f"layer {experiment.layer}" if experiment.layer else f"alone {experiment.name}"


def claim(experiment: Experiment, others: Iterable[Experiment]) -> Experiment:
    """The experiment with as many buckets as its allocation asks for, none of them another's.

    Raises:
        Conflict: the layer has too few left, others have some of its own by now, or the allocation
            would shrink and move users.
    """
    wanted = round(experiment.allocation * BUCKETS)
    held = sum(last - first for first, last in experiment.buckets)
    if wanted < held:
        raise Conflict(
            f"{experiment.name} has {held / BUCKETS:.2%} of its layer and gives none back: stop it"
            " to take users out, and create one of another name with less"
        )
    of_layer = [experiment, *(one for one in others if _holds(one, experiment))]
    taken = sorted(one for each in of_layer for one in each.buckets)
    if any(last > first for (_, last), (first, _) in pairwise(taken)):
        raise Conflict(
            f"others have buckets of layer {experiment.layer} that {experiment.name} had before it"
            " was stopped: stop them, or create an experiment of another name"
        )
    more, start = list[tuple[int, int]](), 0
    for first, last in [*taken, (BUCKETS, BUCKETS)]:
        size = min(first - start, wanted - held)
        if size > 0:
            more.append((start, start + size))
            held += size
        start = max(start, last)
    if held < wanted:
        raise Conflict(
            f"layer {experiment.layer} has {held / BUCKETS:.2%} left for {experiment.name}, not"
            f" {experiment.allocation:.2%}: stop another experiment or take less"
        )
    return structs.replace(experiment, buckets=(*experiment.buckets, *more))


def _holds(other: Experiment, experiment: Experiment) -> bool:
    return (
        other.status == "running"
        and other.name != experiment.name
        and layer_of(other) == layer_of(experiment)
    )


def _open(experiment: Experiment, at: datetime) -> bool:
    return (experiment.starts is None or experiment.starts <= at) and (
        experiment.ends is None or at < experiment.ends
    )


def _point(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


@lru_cache(1_000)
def _reaches(weights: tuple[float, ...]) -> tuple[float, ...]:
    """Up to where every variant but the last goes, of 1."""
    return tuple(reached / sum(weights) for reached in accumulate(weights[:-1]))
