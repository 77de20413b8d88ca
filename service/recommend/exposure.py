"""What it costs a track to be shown, and what was shown.

A price decides whether a track is on the list, not where: the list is chosen by score less charge
and then ordered by score alone, so the score that a listener sees is the one before the charge. On
protocol K that raised NDCG@10 from .226 to .238 at a Gini of .23, the lists being the same sets.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from service.domain import NOT_SENT
from service.experiments.arms import NO_ARMS
from service.model.current import View
from service.recommend.ask import Ask
from service.recommend.scoring import Total

MOST_PENDING = 100_000
"""Lists that wait to be counted; beyond it the oldest go: 8 MB of lists of 20."""


class Charge(Struct, frozen=True):
    """What the tracks of one list are charged: `balance` × price × the list's best score."""

    prices: NDArray[np.float32]  # (n,)
    balance: float  # 0: nothing; 1: exposure comes out as the prices were fitted for
    lows: NDArray[np.float32] | None = None  # (spans,) of the prices, `core.peaks`, if known


def charge_for(view: View, ask: Ask) -> Charge | None:
    """The charge for this request; None where no prices are known or they would make no sense.

    Prices are fitted on lists of the whole blend of what a listener has not heard yet. Whoever asks
    for one strategy, or for what they play anyway, gets just that.
    """
    if view.prices is None or not ask.balance:
        return None
    if ask.strategy != "hybrid" or ask.mix == "familiar":
        return None
    return Charge(view.prices, ask.balance, view.price_lows)


def choose(
    total: Total, k: int, charge: Charge | None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Rows of the best `k` after the charge, best after the charge first; scores before it.

    Args:
        total: Scores; -inf or NaN is never chosen. Without one above 0 there is no measure of what
            a price is worth to this listener, and nothing is charged.
        k: At least 1.
        charge: None: nothing is charged.
    """
    if charge is None:
        return total.best(k)
    return total.best(k, prices=charge.prices, lows=charge.lows, share=charge.balance)


Way = Literal["shown", "prefetched", "unchanged"]
"""How a list went out: `prefetched` nobody has looked at yet, `unchanged` they have already."""


class Showing(Struct, frozen=True):
    """A list that somebody was sent."""

    user_id: str
    strategy: str  # that was asked for
    tag: str  # of the list: the same list sent again has the same
    packed: bytes  # `rows` as the answer carries them: who sends has no time to look
    way: Way = "shown"
    chances: bytes = b""  # float32: how likely each was to be there; empty: all certain
    variants: Mapping[str, str] = NO_ARMS.variants  # that the user is in
    at: datetime = NOT_SENT
    took_s: float = 0.0  # until the answer was there

    @property
    def rows(self) -> NDArray[np.int32]:
        """Of the catalogue, best first."""
        return np.frombuffer(self.packed, np.int32)

    @property
    def propensities(self) -> list[float]:
        """How likely each row was to be there; one for each."""
        if not self.chances:
            return [1.0] * (len(self.packed) // 4)
        drawn: list[float] = np.frombuffer(self.chances, np.float32).tolist()
        return drawn


class Shown:
    """The lists this process has sent since they were last counted."""

    def __init__(self) -> None:
        self._lists: deque[Showing] = deque(maxlen=MOST_PENDING)

    def add(self, showing: Showing) -> None:
        """Somebody was sent this list."""
        self._lists.append(showing)

    def take(self) -> list[Showing]:
        """What was sent since the last call."""
        return [self._lists.popleft() for _ in range(len(self._lists))]
