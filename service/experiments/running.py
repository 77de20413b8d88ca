"""The experiments that run, as this process knows them, and who is in which of their variants.

Assignment needs no storage: it is a hash. What it said of a user is remembered until an experiment
starts, ends or grows, since a kept list is found in a few microseconds and hashing takes 3.4 for
every experiment.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from service.bus import UserUpdated
from service.domain import Experiment, User, Value
from service.experiments.arms import NO_ARMS, Arms
from service.experiments.assignment import assign
from service.store import Store
from service.watching import Watch

TRAITS = ("country", "language", "timezone")
"""What an audience may ask for. Age and gender are for nobody's experiment."""
LOOK_EVERY_S = 1.0
TRUST_LOOKS = 60
"""Looks after which the traits of a user are asked for again: another process may change them."""
MOST_USERS = 200_000
"""Whose arms are remembered: 30 MB of ids."""
NO_TRAITS: Mapping[str, Value] = {}


def traits_of(user: User) -> dict[str, Value]:
    """What is known of a user that an audience may ask for."""
    told = user.demographics
    given = {"country": told.country, "language": told.language, "timezone": user.timezone}
    return {name: value for name, value in given.items() if value is not None}


class Running:
    """Who is in which variant now."""

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store, self._clock = store, clock
        self._known: tuple[Experiment, ...] = ()
        self._open: tuple[Experiment, ...] = ()
        self._selective = False  # an audience has to be looked for
        self._of: dict[str, Arms] = {}
        self._same: dict[str, Arms] = {}
        self._watch, self._looks = Watch(self._look, "which experiments run"), 0

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """Those in which somebody may be now."""
        return self._open

    def arms(self, user_id: str) -> Arms | None:
        """The variants of this user; None: somebody has to say what the audience asks for."""
        if not self._open:
            return NO_ARMS
        if (arms := self._of.get(user_id)) is not None:
            return arms
        return None if self._selective else self.place(user_id, NO_TRAITS)

    def place(self, user_id: str, traits: Mapping[str, Value]) -> Arms:
        """The variants of a user with these traits; remembered."""
        arms = self.without_asking(user_id, traits)
        if len(self._of) >= MOST_USERS:
            self._of.clear()
        self._of[user_id] = arms
        return arms

    def without_asking(self, user_id: str, traits: Mapping[str, Value] = NO_TRAITS) -> Arms:
        """The variants of a user of whom no more is known than this; not remembered."""
        variants, settings = dict[str, str](), dict[str, Value]()
        now = self._clock()
        for experiment in self._open:
            variant = assign(experiment, user_id, traits, now)
            if variant is not None:
                variants[experiment.name] = variant.name
                settings |= variant.settings
        if not variants:
            return NO_ARMS
        key = "".join(f"|{name}={variant}" for name, variant in variants.items())
        return self._same.setdefault(key, Arms(variants, settings, key))

    def replace(self, experiments: Iterable[Experiment]) -> None:
        """These are all there are."""
        self._known = tuple(one for one in experiments if one.status == "running")
        self._settle()

    async def on_user_updated(self, fact: UserUpdated) -> None:
        """Heard on the bus: what an audience asks for may be otherwise now."""
        if self._selective and fact.reason in ("settings", "erased"):
            self._of.pop(fact.user_id, None)

    async def refresh(self) -> None:
        """Read which experiments run.

        Raises:
            StoreUnavailable
        """
        self.replace(await self._store.experiments())

    def watch(self) -> None:
        """Look every second which experiments run; the clock starts and ends them too."""
        self._watch.start(LOOK_EVERY_S)

    async def close(self) -> None:
        """Stop looking."""
        await self._watch.close()

    def _settle(self) -> None:
        now = self._clock()
        current = tuple(
            one
            for one in self._known
            if (one.starts is None or one.starts <= now) and (one.ends is None or now < one.ends)
        )
        if current != self._open:
            self._open = current
            self._selective = any(one.audience for one in current)
            self._of, self._same = {}, {}

    async def _look(self) -> None:
        self._looks += 1
        if self._selective and self._looks % TRUST_LOOKS == 0:
            self._of = {}
        self._settle()  # whatever becomes of the reading
        await self.refresh()
