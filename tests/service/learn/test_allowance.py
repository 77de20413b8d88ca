"""What listens count for others as they come: loops little, touches nothing, strangers later."""

from datetime import timedelta

import pytest
from msgspec import structs

from service.domain import Listen
from service.learn import allowance as module
from service.learn.allowance import Allowance
from service.learn.learned import Learned
from tests.service.given import NOON, catalogue, latent, listen, model, track

KNOWN = catalogue(track("a", duration_ms=200_000), track("b", duration_ms=200_000))


def heard(learned: Learned, *listens: Listen) -> list[float]:
    """Counts after these, each a listen of its own."""
    for one in listens:
        number = len(learned.recent)
        learned.hear([structs.replace(one, id=f"l{number}")], KNOWN)
    return learned.trending.counts(NOON, 2).round(3).tolist()


@pytest.fixture
def learned() -> Learned:
    """One that knows track a, of which one play counts."""
    made = Learned(NOON, recent=100)
    made.trending.add([(0, NOON, 1)])
    return made


def test_a_looper_counts_four_a_day(learned: Learned) -> None:
    loops = [listen("a", plays=plays) for plays in [1] * 20 + [10_000]]
    tomorrow = listen("a", at=NOON + timedelta(days=7))

    assert [5.0, 0.0] == heard(learned, *loops)
    assert [5.0 + 2.0, 0.0] == heard(learned, tomorrow)  # another day, and a week newer


def test_a_track_nobody_knew_trends_from_its_third_listener_on(learned: Learned) -> None:
    assert [1.0, 0.0] == heard(learned, *(listen("b", user_id="u1", plays=9) for _ in range(9)))
    assert [1.0, 0.0] == heard(learned, listen("b", user_id="u2"))
    assert [1.0, 4 + 2.0] == heard(learned, listen("b", user_id="u3"))
    assert [1.0, 4 + 3.0] == heard(learned, listen("b", user_id="u4"))


def test_a_touch_counts_nothing_and_what_is_said_counts(learned: Learned) -> None:
    assert [1.0, 0.0] == heard(learned, listen("a", ms_played=20_000))
    assert [2.0, 0.0] == heard(learned, listen("a", ms_played=0, action="like", user_id="u2"))


def test_what_is_kept_takes_no_memory_without_end(learned: Learned, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_PLAYED", 3)
    heard(learned, *(listen("a", user_id=f"u{n}") for n in range(9)))
    assert 3 == len(learned.allowance.played)

    monkeypatch.setattr(module, "MOST_WAITING", 2)
    monkeypatch.setattr(module, "MOST_OF_TRACK", 4)
    allowance = Allowance()
    for row in range(5):
        for _ in range(9):
            assert () == allowance.wait(row, (1, 0.0, 1))
    assert [(3, 4), (4, 4)] == [(row, len(some)) for row, some in allowance.waiting.items()]


def test_a_loop_teaches_factors_once_a_day() -> None:
    """What a listen counts for others is its weight in the steps as well."""

    def taught(*listens: Listen) -> bytes:
        made = Learned(NOON, recent=100)
        made.rebase(model(KNOWN, [], latent=latent(2, 4)))
        heard(made, *listens)
        assert made.factors is not None
        return made.factors.tracks.tobytes()

    once = listen("a")
    assert taught(once) == taught(once, once)  # the second play of a day counts nothing
    assert taught(once) != taught(once, listen("a", user_id="u2"))
