"""What trends, asked of SQLite: see `Store.hourly_plays`."""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from service.domain import COUNTED, EPOCH, HEARD_MS, PROBES, SUPPORT, milliseconds
from service.store.protocol import HourlyPlays

Read = Callable[[str, tuple[Any, ...]], Awaitable[list[Any]]]

MEAN_RATING = "SELECT avg(rating) FROM listens WHERE rating IS NOT NULL AND at >= ?"

_COUNTED = " ".join(f"WHEN plays >= {least} THEN {count}" for least, count in COUNTED)

HOURLY_PLAYS = f"""
WITH days AS MATERIALIZED (
  SELECT track_id, user_id, max(at) / 3600000 AS hour, sum(plays) AS plays
  FROM listens
  WHERE timed IN (1, 2) AND at >= ? AND user_id < '{PROBES}'
    AND (action IN ('like', 'save')
      OR (action = 'play' AND (ms_played IS NULL OR ms_played >= {HEARD_MS})))
  GROUP BY track_id, user_id, at / 86400000
)
SELECT track_id, hour, sum(CASE {_COUNTED} END)
FROM days
WHERE track_id IN (
  SELECT track_id FROM days GROUP BY track_id HAVING count(DISTINCT user_id) >= {SUPPORT}
)
GROUP BY track_id, hour ORDER BY track_id, hour
"""  # noqa: S608 - constants of the domain


async def hourly(read: Read, since: datetime) -> HourlyPlays:
    """What trends, as `Store.hourly_plays` says it."""
    return _plays(await read(HOURLY_PLAYS, (milliseconds(since),)))


def at_mark(reader: sqlite3.Connection, since: datetime) -> tuple[HourlyPlays, str]:
    """What trends and where the log ends, in one transaction."""
    reader.execute("BEGIN")
    try:
        (last,) = reader.execute("SELECT last FROM revs").fetchone()
        rows = reader.execute(HOURLY_PLAYS, (milliseconds(since),)).fetchall()
    finally:
        reader.execute("COMMIT")
    return _plays(rows), str(last)


def _plays(rows: list[Any]) -> HourlyPlays:
    return [(track_id, EPOCH + timedelta(hours=hour), plays) for track_id, hour, plays in rows]


async def mean_rating(read: Read, since: datetime) -> float | None:
    """Mean of the ratings since then; None without any."""
    rows = await read(MEAN_RATING, (milliseconds(since),))
    mean: float | None = rows[0][0]
    return mean
