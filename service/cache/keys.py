"""What answers are kept under (ADR 0003 and 0013).

A key names the stamp of model and catalogue, and the question; the user's rev is in the entry, so
that rev and answer of a user whom a process does not know travel in one MGET.
"""


def recommendations_key(user_id: str, stamp: str, ask: str) -> str:
    """The key of one list. No part can contain the separator but `ask`, which comes last."""
    return f"{user_id}|{stamp}|{ask}"


def profile_key(user_id: str, edition: int) -> str:
    """The key of one profile. A stamp has a dot in it, so no list has this key."""
    return f"{user_id}|profile|{edition:x}"


def similar_key(stamp: str, track_id: str, limit: int) -> str:
    """The key of the tracks near a track, for nobody in particular."""
    return f"|similar|{stamp}|{track_id}|{limit}"
