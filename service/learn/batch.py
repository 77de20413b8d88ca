"""Listens as arrays, of tracks that are known: what a step of learning is made of."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from msgspec import Struct

from core.arrays import I32, U64
from service.domain import Listen
from service.model.catalogue import Catalogue


class Batch(Struct, frozen=True):
    """Listens and, in their order, what else is known of them."""

    listens: list[Listen]
    rows: I32  # of their tracks
    durations: list[int]  # of their tracks in ms, 0 where unknown
    keys: U64  # digests of the listens
    users: U64  # and of their users


def batch_of(listens: Sequence[Listen], keys: U64, users: U64, catalogue: Catalogue) -> Batch:
    """Those listens whose track is in the catalogue."""
    rows = [catalogue.row(listen.track_id) for listen in listens]
    usable = np.array([row is not None for row in rows], np.bool_)
    known = np.array([row for row in rows if row is not None], np.int32)
    return Batch(
        listens=[one for one, row in zip(listens, rows, strict=True) if row is not None],
        rows=known,
        durations=catalogue.durations_ms[known].tolist(),
        keys=keys[usable],
        users=users[usable],
    )


def digest(text: str) -> int:
    """What a user, a list or a batch of showings is known by: 64 bits of blake2b."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def digests(listens: Sequence[Listen]) -> tuple[U64, U64]:
    """Of each listen, which is its user's, and of its user."""
    of_user: dict[str, bytes] = {}
    keys, users = [], []
    for one in listens:
        user = of_user.get(one.user_id)
        if user is None:
            user = of_user[one.user_id] = blake2b(one.user_id.encode(), digest_size=8).digest()
        users.append(user)
        keys.append(blake2b(one.id.encode(), digest_size=8, key=user).digest())
    return np.frombuffer(b"".join(keys), "<u8"), np.frombuffer(b"".join(users), "<u8")
