"""What answers are kept under (ADR 0003 and 0013).

A key names the stamp of model and catalogue, and the question; the user's rev is in the entry, so
that rev and answer of a user whom a process does not know travel in one MGET.
"""


def recommendations_key(user_id: str, stamp: str, ask: str) -> str:
    """The key of one list. No part can contain the separator but `ask`, which comes last."""
    return f"{user_id}|{stamp}|{ask}"
