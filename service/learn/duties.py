"""What jobs there are: who does each kind, and which come up by themselves."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from service.jobs.runner import Handler, Scheduled
from service.learn.erasure import Erasure
from service.learn.precompute import Precompute
from service.learn.retention import EVERY, Retention
from service.learn.trainer import Trainer


def handlers(
    trainer: Trainer,
    erasure: Erasure,
    retention: Retention,
    precompute: Precompute,
    guard: Callable[[], Awaitable[None]],
) -> dict[str, Handler]:
    """Who does what, by kind of job; each leaves the same state however often it runs."""
    return {
        "train": lambda _, progress: trainer.fit(progress),
        "erase": lambda arguments, _: erasure.erase(arguments["user_id"]),
        "precompute-user": lambda arguments, _: precompute.user(arguments["user_id"]),
        "precompute": lambda _, progress: precompute.lists(progress),
        "profiles": lambda _, progress: precompute.profiles(progress),
        "retention": lambda _arguments, _progress: retention.forget(),
        "experiments": lambda _arguments, _progress: guard(),
        "similarity": lambda _, progress: precompute.neighbours(progress),
    }


def schedule(train_every_hours: int) -> list[Scheduled]:
    """What comes up again by itself: as often as what it makes would go stale."""
    train = [Scheduled("train", timedelta(hours=train_every_hours))]
    return [
        *(train if train_every_hours else []),
        Scheduled("retention", EVERY),
        Scheduled("precompute", timedelta(minutes=15)),
        Scheduled("experiments", timedelta(minutes=15)),
        Scheduled("profiles", timedelta(hours=1)),
        Scheduled("similarity", timedelta(hours=6)),
    ]
