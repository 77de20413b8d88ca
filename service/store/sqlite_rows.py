"""Rows of SQLite and Structs of the domain, translated here and nowhere else."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from service.domain import EPOCH, MILLISECOND, Flag, Listen, User, milliseconds

LISTEN_COLUMNS = (
    "user_id, at, id, track_id, action, plays, timed, ms_played, rating,"
    " source, device, context, list_id"
)

TIMED: dict[Flag | UnsetType, int] = {UNSET: 1, "clamped": 2, "late": 3}
"""What `timed` holds, besides 0 for no time; a column of its own would be a new schema."""
FLAGS: dict[int, Flag] = {2: "clamped", 3: "late"}


def listen_to_row(listen: Listen) -> tuple[Any, ...]:
    """In the order of LISTEN_COLUMNS."""
    return (
        listen.user_id,
        milliseconds(listen.at),
        listen.id,
        listen.track_id,
        listen.action,
        listen.plays,
        TIMED[listen.flag] if listen.timed else 0,
        listen.ms_played,
        listen.rating,
        listen.source,
        listen.device,
        listen.context,
        listen.list_id,
    )


def row_to_listen(row: tuple[Any, ...]) -> Listen:
    """From the order of LISTEN_COLUMNS."""
    return Listen(
        user_id=row[0],
        at=EPOCH + row[1] * MILLISECOND,
        id=row[2],
        track_id=row[3],
        action=row[4],
        plays=row[5],
        timed=row[6] != 0,
        ms_played=row[7],
        rating=row[8],
        source=row[9],
        device=row[10],
        context=row[11],
        list_id=row[12],
        flag=FLAGS.get(row[6], UNSET),
    )


def row_to_user(row: tuple[str, int, int, bytes]) -> User:
    """From id, rev, updated_at and the encoded user; the columns are newer than what is inside."""
    _, rev, updated_at, body = row
    user = msgspec.msgpack.decode(body, type=User)
    return msgspec.structs.replace(user, rev=rev, updated_at=EPOCH + updated_at * MILLISECOND)
