"""What a player sends."""

import time

NOW = int(time.time())
MBID = "0cbc3a3e-3a6c-4c6e-9f0e-2a8f64d8a5b1"
TOKEN = "a-token-of-alice-that-is-long"
ALICE = {"Authorization": f"Token {TOKEN}"}
NAMES = {"artist_name": "Rick Astley", "track_name": "Never Gonna Give You Up"}


def listen(*, at: object = NOW - 60, **metadata) -> dict:
    return {"listened_at": at, "track_metadata": NAMES | metadata}


def single(one: dict, kind: str = "single") -> dict:
    return {"listen_type": kind, "payload": [one]}


def informed(**info) -> dict:
    return single(listen(additional_info=info))
