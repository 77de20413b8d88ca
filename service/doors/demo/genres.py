"""What the demo world's genres sound like."""

from msgspec import Struct

from service.domain import FEATURES


class Genre(Struct, frozen=True):
    """A genre, its three scenes, and the mean of every feature in the order of `FEATURES`."""

    name: str
    family: str
    share: float  # of the artists
    explicit: float  # share of its tracks
    scenes: tuple[str, str, str]
    sound: tuple[float, ...]


# danceability energy valence acousticness instrumentalness liveness speechiness tempo loudness
GENRES = tuple(
    Genre(name, family, share, explicit, scenes, sound)
    for name, family, share, explicit, scenes, sound in (
        ("pop", "pop", 11, 0.08, ("bright pop", "bedroom pop", "power ballad"),
         (0.68, 0.68, 0.58, 0.18, 0.01, 0.16, 0.07, 118, -5.8)),
        ("synth pop", "pop", 5, 0.03, ("neon pop", "cold wave", "tape pop"),
         (0.66, 0.72, 0.60, 0.08, 0.08, 0.15, 0.05, 122, -6.5)),
        ("indie rock", "rock", 8, 0.06, ("jangle", "slacker rock", "shoegaze"),
         (0.52, 0.70, 0.50, 0.14, 0.08, 0.18, 0.05, 126, -6.8)),
        ("rock", "rock", 8, 0.05, ("garage rock", "desert rock", "stadium rock"),
         (0.50, 0.80, 0.52, 0.07, 0.04, 0.22, 0.06, 130, -6.0)),
        ("punk", "rock", 3, 0.22, ("harbour punk", "skate punk", "post-punk"),
         (0.46, 0.92, 0.58, 0.02, 0.03, 0.24, 0.09, 164, -4.6)),
        ("metal", "metal", 4, 0.18, ("doom", "speed metal", "folk metal"),
         (0.38, 0.94, 0.32, 0.01, 0.20, 0.22, 0.09, 138, -4.8)),
        ("hip-hop", "urban", 9, 0.55, ("boom bap", "cloud rap", "drill"),
         (0.76, 0.64, 0.50, 0.16, 0.02, 0.18, 0.26, 102, -6.6)),
        ("r&b", "urban", 6, 0.28, ("slow jam", "neo soul", "alt r&b"),
         (0.66, 0.50, 0.48, 0.34, 0.02, 0.13, 0.09, 98, -7.6)),
        ("soul", "urban", 3, 0.01, ("northern soul", "gospel soul", "deep soul"),
         (0.62, 0.56, 0.68, 0.42, 0.02, 0.18, 0.05, 108, -8.6)),
        ("house", "club", 6, 0.03, ("deep house", "disco house", "piano house"),
         (0.78, 0.76, 0.56, 0.05, 0.46, 0.14, 0.05, 124, -7.0)),
        ("techno", "club", 4, 0.01, ("warehouse", "dub techno", "acid"),
         (0.73, 0.84, 0.26, 0.02, 0.80, 0.12, 0.06, 132, -8.0)),
        ("drum and bass", "club", 3, 0.06, ("liquid", "jungle", "half-time"),
         (0.55, 0.88, 0.38, 0.03, 0.48, 0.22, 0.08, 174, -5.2)),
        ("ambient", "calm", 4, 0.0, ("drone", "field recording", "space music"),
         (0.24, 0.16, 0.14, 0.82, 0.88, 0.11, 0.04, 88, -21.0)),
        ("lo-fi", "calm", 4, 0.0, ("rain tapes", "jazz hop", "sleepy beats"),
         (0.62, 0.28, 0.42, 0.66, 0.78, 0.12, 0.06, 82, -13.5)),
        ("classical", "calm", 4, 0.0, ("solo piano", "string quartet", "baroque"),
         (0.30, 0.20, 0.24, 0.94, 0.84, 0.13, 0.04, 100, -19.5)),
        ("jazz", "roots", 5, 0.0, ("hard bop", "vocal jazz", "cool jazz"),
         (0.54, 0.36, 0.52, 0.74, 0.42, 0.18, 0.05, 112, -13.0)),
        ("folk", "roots", 5, 0.01, ("fireside", "sea songs", "freak folk"),
         (0.50, 0.34, 0.44, 0.80, 0.06, 0.15, 0.04, 114, -11.0)),
        ("country", "roots", 4, 0.02, ("honky-tonk", "prairie", "bluegrass"),
         (0.57, 0.62, 0.60, 0.32, 0.01, 0.20, 0.04, 124, -6.9)),
        ("latin", "latin", 6, 0.14, ("cumbia", "urbano", "bolero"),
         (0.75, 0.72, 0.72, 0.24, 0.01, 0.18, 0.11, 106, -5.6)),
        ("afro", "latin", 3, 0.05, ("highlife", "afro house", "desert blues"),
         (0.77, 0.70, 0.74, 0.22, 0.06, 0.16, 0.09, 110, -6.6)),
    )
)  # fmt: skip

SPREAD = (0.10, 0.12, 0.16, 0.14, 0.10, 0.09, 0.04, 14.0, 2.2)
LOWEST = (0.02, 0.01, 0.01, 0.0, 0.0, 0.02, 0.02, 55.0, -38.0)
HIGHEST = (0.98, 0.99, 0.98, 0.99, 0.97, 0.97, 0.90, 208.0, -0.8)

assert len(SPREAD) == len(LOWEST) == len(HIGHEST) == len(FEATURES)  # noqa: S101 - one table
