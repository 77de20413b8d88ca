"""What a request asks for, and about whom."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, structs

from service.domain import NO_CONTEXT, Context, Mix, Strategy, User
from service.experiments.arms import NO_ARMS, Arms
from service.profile.history import History
from service.recommend.tuning import PLAIN, Tuning

STRATEGIES: tuple[Strategy, ...] = ("collaborative", "content", "context", "trending")
Asked = Literal["hybrid", "collaborative", "content", "context", "trending"]


class Ask(Struct, frozen=True, kw_only=True):
    """The parameters of one request, normalised: equal asks have equal cache keys."""

    limit: int = 20
    strategy: Asked = "hybrid"
    context: Context = NO_CONTEXT
    mix: Mix = "discover"
    exclude: tuple[str, ...] = ()  # sorted track ids
    explain: bool = True
    flow: bool = False
    balance: float | None = None  # of relevance and exposure; None: as the settings say
    arms: Arms = NO_ARMS  # of whoever asks
    tuning: Tuning = PLAIN  # what those say

    @property
    def key(self) -> str:
        """This ask as part of a cache key, before whoever asks adds their arms."""
        c = self.context
        excluded = ",".join(self.exclude)
        return (  # one f-string takes 0.6 of the time of a join, and every hit makes a key
            f"{self.limit}|{self.strategy}|{self.mix}|{self.explain:d}|{self.flow:d}|{self.balance}"
            f"|{excluded}|{c.activity}|{c.mood}|{c.device}|{c.daypart}|{c.weekend}"
        )

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """Which strategies to run."""
        if self.strategy != "hybrid":
            return (self.strategy,)
        return self.tuning.asked or STRATEGIES

    def of(self, arms: Arms, tuning: Tuning, *, balance: float) -> "Ask":
        """The same from somebody in these arms; `balance` is what the service's settings say."""
        return structs.replace(
            self,
            arms=arms,
            tuning=tuning,
            balance=next(one for one in (self.balance, tuning.balance, balance) if one is not None),
            context=self.context if tuning.context == "on" else NO_CONTEXT,
            flow=self.flow or tuning.flow == "always",
        )


class Listener(Struct, frozen=True):
    """Somebody who asks: what they set, what they did, and when they ask.

    Without `now` nothing is forgotten yet: they ask at the moment of their newest listen.
    """

    user: User
    history: History
    now: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether there is anything personal to go by."""
        preferences = self.user.preferences
        return bool(len(self.history.rows) or preferences.genres or preferences.artists)
