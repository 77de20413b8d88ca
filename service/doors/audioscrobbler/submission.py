"""The form of a submission: up to 50 plays, each with members like a[0] for its artist."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from msgspec import Struct

from service.domain import Action, Listen
from service.doors.identity.claim import Claim

MOST_PLAYS = 50
MOST_FIELDS = MOST_PLAYS * 9 + 50
LONGEST = 500  # characters of a name
SOURCE = "audioscrobbler"
TIME = re.compile(r"[0-9]{1,10}")
SECONDS = re.compile(r"[1-9][0-9]{0,3}")
MBID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
RATINGS: Mapping[str, tuple[Action, ...]] = {
    "": ("play",),
    "L": ("play", "like"),
    "B": ("dislike",),
    "S": ("skip",),
}
"""A rating implies what was done; the protocol knows no other."""


class Malformed(Exception):
    """What is wrong with a form, in a few words for the player's log."""


class Play(Struct, frozen=True):
    """One play as submitted."""

    claim: Claim
    at: datetime
    actions: tuple[Action, ...]

    def listens(self, user_id: str, track_id: str) -> list[Listen]:
        """What it says about a track; their ids follow from these members, so a retry is none."""
        return [
            Listen(user_id=user_id, track_id=track_id, action=action, at=self.at, source=SOURCE)
            for action in self.actions
        ]


def form_of(body: bytes) -> dict[str, str]:
    """The members of a form.

    Raises:
        Malformed
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise Malformed("the form is unreadable or too large") from None
    return dict(pairs)


def plays_of(form: Mapping[str, str]) -> list[Play]:
    """The plays of a submission, in their order.

    Raises:
        Malformed: none, too many, or one that lacks what it must have: nothing is taken then.
    """
    plays: list[Play] = []
    while f"a[{len(plays)}]" in form:
        if len(plays) == MOST_PLAYS:
            raise Malformed(f"more than {MOST_PLAYS} tracks at once")
        plays.append(_play(form, len(plays)))
    if not plays:
        raise Malformed("no tracks: a[0] is missing")
    return plays


def claim_of(form: Mapping[str, str], place: str = "") -> Claim:
    """The recording that a[i], t[i], b[i], l[i] and m[i] tell of, or a, t, b, l and m.

    Raises:
        Malformed
    """
    artist, title = (form.get(name + place, "").strip() for name in "at")
    if not (artist and title) or max(len(artist), len(title)) > LONGEST:
        raise Malformed(f"a{place} and t{place} must be names")
    mbid, seconds = form.get(f"m{place}", "").strip(), form.get(f"l{place}", "")
    return Claim(
        artist=artist,
        title=title,
        album=form.get(f"b{place}", "").strip()[:LONGEST],
        recording_mbid=mbid if MBID.fullmatch(mbid) else None,
        duration_ms=int(seconds) * 1_000 if SECONDS.fullmatch(seconds) else None,
    )


def _play(form: Mapping[str, str], number: int) -> Play:
    place = f"[{number}]"
    at, rating = form.get(f"i{place}", ""), form.get(f"r{place}", "")
    if not TIME.fullmatch(at):
        raise Malformed(f"i{place} must be a time in seconds")
    if rating not in RATINGS:
        raise Malformed(f"r{place} must be L, B, S or empty")
    return Play(claim_of(form, place), datetime.fromtimestamp(int(at), UTC), RATINGS[rating])
