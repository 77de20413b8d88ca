"""The variants that one user is in, over all experiments, and what they change."""

from collections.abc import Mapping

from msgspec import Struct

from service.domain import Value


class Arms(Struct, frozen=True):
    """Equal arms are one object, and have equal keys."""

    variants: Mapping[str, str]  # by experiment
    settings: Mapping[str, Value]  # of all of them: no two experiments that run set the same
    key: str  # what they add to a cache key; "" for whoever is in none


NO_ARMS = Arms({}, {}, "")
