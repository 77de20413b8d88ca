"""What a moment sounds like: targets for audio features by activity and mood, and the own habit.

The tables speak the units of the catalogue (0..1, tempo in BPM / 250); a weight beside a target
says how much the feature matters. Those of workout, relax and energetic are fitted on half of
the real playlists of that name and judged on the other half (`./dev bench context`): they tell such
tracks from others of the genre, and add no certain gain to a content ranking. Party and romantic
were measured and have none, for it did harm; all others are starting points, not measured. Hours
have no table, for it earned nothing: they ask for what the listener plays at such hours
(docs/adr/0010).
"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.domain import FEATURES, Activity, Context, Device, Listen, Mood
from service.model.catalogue import Catalogue
from service.profile.clock import part_of_week, zone
from service.profile.history import History
from service.profile.profile import audio_means
from service.profile.strength import strength

Targets = Mapping[str, tuple[float, float]]  # feature -> (target, weight)

ACTIVITIES: Mapping[Activity, Targets] = {
    "workout": {  # fitted on 7 playlists, judged on 7
        "danceability": (0.45, 1),
        "energy": (1.0, 3),
        "speechiness": (0.25, 3),
        "tempo": (0.55, 3),
    },
    "party": {},  # measured on 13 playlists: what fits one half fits the other worse than chance
    "study": {
        "instrumentalness": (0.7, 2),
        "energy": (0.3, 2),
        "speechiness": (0.04, 2),
        "acousticness": (0.6, 1),
    },
    "focus": {
        "instrumentalness": (0.8, 3),
        "speechiness": (0.04, 2),
        "energy": (0.4, 1),
        "liveness": (0.1, 1),
    },
    "sleep": {
        "energy": (0.1, 3),
        "tempo": (0.3, 2),
        "acousticness": (0.9, 2),
        "loudness": (0.6, 1),
    },
    "relax": {  # fitted on 4 playlists, judged on 3
        "energy": (0.15, 2),
        "danceability": (0.85, 3),
        "acousticness": (0.65, 2),
        "instrumentalness": (0.8, 2),
    },
    "commute": {"energy": (0.6, 1), "valence": (0.6, 1), "danceability": (0.6, 1)},
}
MOODS: Mapping[Mood, Targets] = {
    "happy": {"valence": (0.85, 3), "energy": (0.7, 1), "danceability": (0.7, 1)},
    "sad": {"valence": (0.15, 3), "energy": (0.3, 1), "acousticness": (0.6, 1)},
    "energetic": {"danceability": (0.6, 1), "energy": (1.0, 2), "valence": (0.15, 1)},  # 2 and 2
    "calm": {"energy": (0.2, 3), "acousticness": (0.7, 1), "tempo": (0.36, 1)},
    "romantic": {},  # measured on 4 playlists: a fitted table made lists worse
}
HABIT_WEIGHT = 2.0  # of the listener's own means, against 1 to 3 in the tables
FEWEST = 5  # listens in such moments before they say anything


class Moment(Struct, frozen=True):
    """A target and a weight per feature, float32 (9,) each; weight 0 where nothing is wanted."""

    target: NDArray[np.float32]
    weights: NDArray[np.float32]


def read_context(
    *,
    activity: Activity,
    mood: Mood,
    device: Device,
    at: datetime | None,
    timezone: str | None,
    now: datetime,
) -> Context:
    """A context from request parameters; `timezone` alone means now, over there.

    Raises:
        Invalid: no such time zone.
    """
    if at is None and timezone is None:
        return Context(activity=activity, mood=mood, device=device)
    daypart, weekend = part_of_week(at or now, zone("UTC" if timezone is None else timezone))
    return Context(activity=activity, mood=mood, device=device, daypart=daypart, weekend=weekend)


def moment(
    context: Context, history: History, catalogue: Catalogue, local: ZoneInfo
) -> Moment | None:
    """What this context asks for; None when neither table nor habit has anything to say."""
    tables = [
        ACTIVITIES.get(context.activity, {}),
        MOODS.get(context.mood, {}),
    ]
    total = np.zeros(len(FEATURES), np.float32)
    weights = np.zeros(len(FEATURES), np.float32)
    for table in tables:
        for name, (target, weight) in table.items():
            total[FEATURES.index(name)] += weight * target
            weights[FEATURES.index(name)] += weight
    habit = _habit(context, history, catalogue, local)
    if habit is not None:
        known = np.isfinite(habit)
        total[known] += HABIT_WEIGHT * habit[known]
        weights[known] += HABIT_WEIGHT
    if not weights.any():
        return None
    wanted = total / np.maximum(weights, np.float32(1e-9))
    return Moment(wanted.astype(np.float32), weights)


def _habit(
    context: Context, history: History, catalogue: Catalogue, local: ZoneInfo
) -> NDArray[np.float32] | None:
    """float32 (9,): mean features of what the listener plays at such hours or on such a device."""
    rows, strengths = [], []
    for listen in history.listens:
        row = catalogue.row(listen.track_id)
        if row is None or not _alike(context, listen, local):
            continue
        counted = strength(listen, int(catalogue.durations_ms[row]))
        if counted > 0:
            rows.append(row)
            strengths.append(counted)
    if len(rows) < FEWEST:
        return None
    mean, _ = audio_means(np.array(rows, np.int32), np.array(strengths, np.float32), catalogue)
    return mean


def _alike(context: Context, listen: Listen, local: ZoneInfo) -> bool:
    """Whether a listen happened in such a moment."""
    if context.device not in ("none", listen.device):
        return False
    if context.daypart is None:
        return context.device != "none"
    return listen.timed and (context.daypart, context.weekend) == part_of_week(listen.at, local)
