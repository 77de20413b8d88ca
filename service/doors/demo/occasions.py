"""What people listen for, and on what, by the clock."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from service.doors.demo.listeners import HABITS

Ints = NDArray[np.int64]

OCCASIONS = (None, "commute", "focus", "study", "workout", "party", "relax", "sleep")
DRIVE = (0.0, 0.3, -0.5, -0.8, 1.2, 1.1, -0.8, -1.4)  # how much energy each asks for
DEVICES = (None, "phone", "desktop", "speaker", "car", "tv")


def occasions(rng: Generator, habit: Ints, hour: Ints, weekday: Ints) -> tuple[Ints, Ints]:
    """Row in `OCCASIONS` and row in `DEVICES` of every session."""
    weekend = weekday >= 5
    rush = np.isin(hour, (7, 8, 17, 18)) & ~weekend
    rules = (  # the first that holds, each with the chance that somebody says so
        ("commute", rush & (habit == list(HABITS).index("commuter")), 0.8),
        ("commute", rush, 0.25),
        ("workout", np.isin(hour, (6, 7, 18, 19)), 0.3),
        ("party", np.isin(weekday, (4, 5)) & (hour >= 20), 0.45),
        ("focus", np.isin(hour, range(9, 17)) & ~weekend, 0.45),
        ("study", np.isin(hour, range(14, 21)), 0.2),
        ("sleep", (hour >= 23) | (hour < 4), 0.3),
        ("relax", hour >= 20, 0.4),
    )
    occasion = np.zeros(hour.size, np.int64)
    for name, holds, chance in rules:
        said = (occasion == 0) & holds & (rng.random(hour.size) < chance)
        occasion[said] = OCCASIONS.index(name)
    usual = {  # chances in the order of DEVICES
        None: (0.08, 0.5, 0.2, 0.12, 0.04, 0.06),
        "commute": (0.02, 0.68, 0.0, 0.0, 0.3, 0.0),
        "focus": (0.05, 0.2, 0.7, 0.05, 0.0, 0.0),
        "study": (0.05, 0.3, 0.6, 0.05, 0.0, 0.0),
        "workout": (0.05, 0.9, 0.0, 0.05, 0.0, 0.0),
        "party": (0.05, 0.15, 0.05, 0.6, 0.0, 0.15),
        "relax": (0.05, 0.3, 0.1, 0.4, 0.0, 0.15),
        "sleep": (0.1, 0.7, 0.0, 0.2, 0.0, 0.0),
    }
    chances = np.cumsum([usual[name] for name in OCCASIONS], axis=1)[occasion]
    device = (rng.random(hour.size)[:, None] > chances).sum(axis=1)
    return occasion, np.minimum(device, len(DEVICES) - 1)
