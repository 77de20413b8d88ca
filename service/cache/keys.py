"""Cache keys carry versions, so that nothing has to be dropped in time (ADR 0003).

A key names the user's rev and the stamp of model and catalogue: after a listen, a fit or a changed
track every lookup asks for another key, and the old entry is just memory waiting for its TTL.
"""


def recommendations_key(user_id: str, rev: int, stamp: str, ask: str) -> str:
    """The key of one list. No part can contain the separator but `ask`, which comes last."""
    return f"{user_id}|{rev}|{stamp}|{ask}"
