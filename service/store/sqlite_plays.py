"""What trends, asked of SQLite: see `Store.hourly_plays`."""

from service.domain import COUNTED, HEARD_MS, PROBES, SUPPORT

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
