"""Two models whose lists anybody can tell apart, and a folder of listeners for both.

The loyal one shows everybody more of their taste, the straying one the next taste, and each says so
by two parts that count alike. Where the two agree a score is near 2.9; made of one part of each
model it is below 1.5, whatever the list says.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.linear import ItemWeights
from core.spectral import Directions
from service.domain import Listen
from service.model import files
from service.model.latent import Latent
from service.model.version import BlendWeights, Model
from service.store.sqlite import SqliteStore
from tests import worlds
from tests.service.given import catalogue, model, track

VERSIONS = ("20260101T000000-0000", "20260102T000000-0000")
TRACKS = [track(one.id) for one in worlds.tracks()]
USERS = [f"{taste}-u{user}" for taste in worlds.TASTES for user in range(20)]
PLAYED, LIMIT = 6, 5
AGREED = 2.4
NOTHING_ELSE = BlendWeights(
    collaborative=1.0, spectral=1.0, factors=0, artist=0, genre=0, audio=0, context=0, trending=0
)


def taste_shown(user_id: str, version: str) -> str:
    """The taste that all of this user's list is of."""
    own = worlds.TASTES.index(user_id.partition("-")[0])
    return worlds.TASTES[(own + VERSIONS.index(version)) % len(worlds.TASTES)]


def mixed(answer: dict[str, Any]) -> list[str]:
    """The tracks on a list that the version it names would not have shown, or not so high."""
    wanted = taste_shown(answer["user_id"], answer["model_version"])
    return [
        f"{one['track']['id']} {one['score']}"
        for one in answer["recommendations"]
        if not one["track"]["id"].startswith(wanted) or one["score"] < AGREED
    ]


def listens() -> list[Listen]:
    """Everybody has played a few tracks of their own taste."""
    return [
        Listen(
            id=f"{user}-{turn}",
            user_id=user,
            track_id=played(user, turn),
            at=worlds.YESTERDAY + timedelta(seconds=turn),
        )
        for user in USERS
        for turn in range(PLAYED)
    ]


def played(user_id: str, turn: int) -> str:
    """The track of their taste that a user played at this turn, of `PLAYED`."""
    number = turn + 3 * USERS.index(user_id)
    return f"{user_id.partition('-')[0]}{number % worlds.TRACKS_PER_TASTE:02}"


def models() -> list[Model]:
    """The loyal one, then the straying one."""
    known = catalogue(*TRACKS)
    per_taste, tastes = worlds.TRACKS_PER_TASTE, len(worlds.TASTES)
    found = []
    for shift, version in enumerate(VERSIONS):
        rows = np.arange(known.size)
        of_taste = (rows // per_taste + shift) % tastes
        columns = of_taste[:, None] * per_taste + np.arange(per_taste)
        strengths = 1 + ((rows[:, None] + columns) % 7) / 10
        items = ItemWeights(
            np.arange(known.size + 1, dtype=np.int64) * per_taste,
            columns.astype(np.int32).ravel(),
            strengths.astype(np.float32).ravel(),
        )
        one_hot = np.eye(tastes, dtype=np.float32)
        own, next_one = one_hot[rows // per_taste], one_hot[(rows // per_taste - shift) % tastes]
        fitted = model(
            known,
            listens(),
            version=version,
            items=items,
            latent=Latent(spectral=Directions(own, next_one)),
            blend=NOTHING_ELSE,
        )
        found.append(fitted)
    return found


async def settle(data: Path) -> None:
    """Both versions and their listeners in a data folder; the loyal one serves."""
    store = SqliteStore(data / "echotune.db")
    await store.put_tracks(TRACKS)
    await store.append(listens())
    await store.close()
    for one in models():
        files.save(one, [track.id for track in TRACKS], data / "models")
    files.activate(data / "models", VERSIONS[0])
