"""The state of learning as named arrays and back."""

from collections import OrderedDict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.recent import Recent
from core.sgd import BiasedFactors
from service.learn.allowance import Allowance
from service.learn.learned import Learned
from service.learn.steps import Guard
from service.model.trending import Trending

ROW_BYTES = 4


def taken(learned: Learned) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays by name, and the rest."""
    keys, groups = learned.recent.held()
    lists = list(learned.lists.rows.values())
    arrays: dict[str, NDArray[Any]] = {
        "trending": learned.trending.weights,
        "recent_keys": keys,
        "recent_groups": groups,
        "list_keys": np.fromiter(learned.lists.rows, np.uint64, len(lists)),
        "list_sizes": np.fromiter(map(len, lists), np.int64, len(lists)) // ROW_BYTES,
        "list_rows": np.frombuffer(b"".join(lists), np.int32),
        **_allowance(learned.allowance),
        "user_keys": np.fromiter(learned.users, np.uint64, len(learned.users)),
        "user_rows": np.fromiter(learned.users.values(), np.int32, len(learned.users)),
    }
    if learned.prices is not None:
        arrays["prices"] = learned.prices
    if learned.factors is not None:
        arrays |= {
            "users": learned.factors.users[: learned.rows],
            "user_biases": learned.factors.user_biases[: learned.rows],
            "tracks": learned.factors.tracks,
            "track_biases": learned.factors.track_biases,
            "mean": learned.factors.mean,
        }
    about = {
        "version": learned.version,
        "landmark": learned.trending.landmark.isoformat(),
        "usual": learned.guard.usual if learned.guard.usual == learned.guard.usual else None,
        "stopped": learned.guard.stopped,
    }
    return arrays, about


def restored(
    arrays: dict[str, NDArray[Any]], about: dict[str, Any], *, place: str, mark: str, recent: int
) -> Learned:
    """The state that was taken.

    Raises:
        KeyError, ValueError: it is not one.
    """
    landmark = datetime.fromisoformat(about["landmark"])
    learned = Learned(landmark, recent=recent)
    learned.place, learned.mark, learned.version = place, mark, about["version"]
    learned.trending = Trending(landmark, arrays["trending"])
    learned.recent = Recent(recent)
    learned.recent.add(arrays["recent_keys"], arrays["recent_groups"])
    bounds = np.cumsum(arrays["list_sizes"])[:-1]
    rows = np.split(arrays["list_rows"], bounds) if len(arrays["list_keys"]) else []
    lists = [one.astype(np.int32, copy=False).tobytes() for one in rows]
    learned.lists.rows = OrderedDict(zip(arrays["list_keys"].tolist(), lists, strict=True))
    learned.allowance = _allowed(arrays)
    learned.users = dict(
        zip(arrays["user_keys"].tolist(), arrays["user_rows"].tolist(), strict=True)
    )
    learned.prices = arrays.get("prices")
    usual = about["usual"]
    learned.guard = Guard(float("nan") if usual is None else usual, about["stopped"])
    if "tracks" in arrays:
        learned.rows = len(arrays["users"])
        learned.factors = BiasedFactors(
            arrays["users"],
            arrays["tracks"],
            arrays["user_biases"],
            arrays["track_biases"],
            arrays["mean"],
        )
    return learned


def _allowance(allowance: Allowance) -> dict[str, NDArray[Any]]:
    played = np.array(list(allowance.played), np.uint64).reshape(-1, 3)
    waiting = [(row, *one) for row, some in allowance.waiting.items() for one in some]
    return {
        "played_users": played[:, 0],
        "played_rows": played[:, 1],
        "played_days": played[:, 2].astype(np.int64),
        "played_counts": np.fromiter(allowance.played.values(), np.int64, len(played)),
        "waiting_rows": np.array([row for row, *_ in waiting], np.int64),
        "waiting_users": np.array([user for _, user, _, _ in waiting], np.uint64),
        "waiting_times": np.array([at for _, _, at, _ in waiting], np.float64),
        "waiting_counts": np.array([count for *_, count in waiting], np.int64),
    }


def _allowed(arrays: dict[str, NDArray[Any]]) -> Allowance:
    allowance = Allowance()
    columns = (arrays[f"played_{name}"].tolist() for name in ("users", "rows", "days"))
    days = zip(*columns, strict=True)
    allowance.played = OrderedDict(zip(days, arrays["played_counts"].tolist(), strict=True))
    names = ("rows", "users", "times", "counts")
    for row, *one in zip(*(arrays[f"waiting_{name}"].tolist() for name in names), strict=True):
        allowance.waiting.setdefault(row, []).append((one[0], one[1], one[2]))
    return allowance
