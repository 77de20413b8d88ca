"""The stream of requests a load is made of."""

from collections import Counter
from itertools import islice

import pytest

from bench.load_traffic import draws, traffic

USERS = [f"u{number}" for number in range(1_000)]
TRACKS = [f"t{number}" for number in range(50)]
DRAWN = 40_000


def test_shares_are_those_of_zipf_and_one_in_twenty_writes() -> None:
    """Rank r has 1 / r of the first one's requests: 1 / 7.485 of all for the first of 1,000."""
    requests = list(islice(traffic(USERS, TRACKS, seed=1), DRAWN))
    writes = [request for request in requests if request.startswith(b"POST")]
    assert len(writes) / DRAWN == pytest.approx(0.05, abs=0.005)
    assert len({write.partition(b'"id":')[2] for write in writes}) == len(writes)
    reads = Counter(request.split(b"/")[3] for request in requests if request.startswith(b"GET"))
    (_, first), (_, second) = reads.most_common(2)
    assert first / reads.total() == pytest.approx(1 / 7.485, rel=0.05)
    assert first / second == pytest.approx(2, rel=0.15)


def test_a_seed_draws_the_same_and_another_does_not() -> None:
    """Reads, which carry no time."""
    one, again, other = (
        list(islice(traffic(USERS, TRACKS, seed=seed, writes=0), 100)) for seed in (1, 1, 2)
    )
    assert one == again != other


def test_whoever_asks_most_does_so_with_every_seed() -> None:
    """What a warm-up fills the caches with is what is asked for later."""
    tops = [
        Counter(user for user, _ in islice(draws(USERS, TRACKS, seed=seed), 10_000)).most_common(1)
        for seed in (1, 2)
    ]
    assert tops[0][0][0] == tops[1][0][0]
