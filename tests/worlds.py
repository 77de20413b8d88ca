"""A small world whose right answers are obvious: three tastes that never mix, and listeners."""

import random
from datetime import UTC, datetime, timedelta

from service.domain import Features, Listen, Track

TASTES = ("jazz", "metal", "folk")
TRACKS_PER_TASTE = 20
USERS_PER_TASTE = 15
SOUND = {
    "jazz": Features(energy=0.3, valence=0.6, acousticness=0.8, danceability=0.5, tempo=110),
    "metal": Features(energy=0.95, valence=0.2, acousticness=0.02, danceability=0.3, tempo=160),
    "folk": Features(energy=0.4, valence=0.7, acousticness=0.9, danceability=0.4, tempo=95),
}
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def tracks() -> list[Track]:
    """Twenty tracks of each taste, ten artists each; ids are jazz00 to folk19."""
    return [
        Track(
            id=f"{taste}{number:02}",
            title=f"{taste.title()} Song {number}",
            artist=f"{taste.title()} Artist {number % 10}",
            genres=(taste,),
            features=SOUND[taste],
            duration_ms=200_000,
            explicit=number == 19,
        )
        for taste in TASTES
        for number in range(TRACKS_PER_TASTE)
    ]


def listens() -> list[Listen]:
    """Everybody plays twelve tracks of one taste, none of another; users are jazz-u0 and so on."""
    draw = random.Random(5)
    return [
        Listen(
            user_id=f"{taste}-u{user}",
            track_id=f"{taste}{number:02}",
            at=YESTERDAY + timedelta(seconds=number),
        )
        for taste in TASTES
        for user in range(USERS_PER_TASTE)
        for number in draw.sample(range(TRACKS_PER_TASTE), 12)
    ]
