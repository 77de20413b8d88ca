"""The generated demo world with a drift: tastes change hands, and a tenth of the tracks is new.

From the cut on every listener slowly becomes another one (on the last day all of them have), and
tracks come out that nobody could hear before. So what a model knows of people and of tracks gets
old, as it does in a year; here within two weeks.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec import Struct, structs

from service.domain import Listen, User
from service.doors.demo import world
from service.model.catalogue import Catalogue, empty_catalogue

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 14
CUT = NOW - timedelta(days=DAYS)
NEW_SHARE = 0.1
SEED = 11


class Drifting(Struct, frozen=True):
    """Listens in the order of time, before the cut and after it."""

    catalogue: Catalogue
    users: list[User]
    before: list[Listen]
    after: list[Listen]


def drifting(*, quick: bool) -> Drifting:
    """The world; some seconds, a minute when not `quick`."""
    size = {"tracks": 1_500, "listeners": 300, "listens": 30_000} if quick else {}
    made = world(now=NOW, **size)
    rng = np.random.default_rng(SEED)
    catalogue = empty_catalogue().with_tracks(made.tracks)
    new = set(
        rng.choice([one.id for one in made.tracks], int(NEW_SHARE * catalogue.size), replace=False)
    )
    ids = [user.id for user in made.users]
    turned = dict(zip(ids, rng.permutation(ids), strict=True))
    before, after = [], []
    for one in made.listens:
        if one.at < CUT:
            if one.track_id not in new:
                before.append(one)
        else:
            share = (one.at - CUT) / timedelta(days=DAYS)
            whose = str(turned[one.user_id]) if rng.random() < share else one.user_id
            after.append(structs.replace(one, user_id=whose))
    return Drifting(catalogue, made.users, _in_order(before, "b"), _in_order(after, "a"))


def _in_order(listens: Sequence[Listen], prefix: str) -> list[Listen]:
    """By time, with an id each: whoever learns counts an id once."""
    ordered = sorted(listens, key=lambda one: (one.at, one.user_id))
    return [structs.replace(one, id=f"{prefix}{number}") for number, one in enumerate(ordered)]
