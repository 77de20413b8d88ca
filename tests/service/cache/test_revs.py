"""Revs only grow, whatever order reads and facts arrive in."""

from hypothesis import given
from hypothesis import strategies as st

from service.cache import revs as module
from service.cache.revs import Revs

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.sampled_from("ab"), st.integers(1, 20)),
        st.tuples(st.just("forget"), st.sampled_from("ab"), st.just(0)),
        st.tuples(st.just("forget all"), st.just("a"), st.just(0)),
    )
)


@given(STEPS)
def test_in_any_interleaving_the_newest_rev_since_it_was_forgotten_is_known(steps) -> None:
    revs, expected, erased = Revs(), dict[str, int](), dict[str, int]()

    for step, user, rev in steps:
        match step:
            case "learn":
                revs.learn(user, rev)
                if rev > erased.get(user, 0):
                    expected[user] = max(rev, expected.get(user, 0))
            case "forget":
                revs.forget(user)
                erased[user] = max(expected.pop(user, 0), erased.get(user, 0))
            case _:
                revs.forget_all()
                expected.clear()
                erased.clear()

        assert [expected.get(name) for name in "ab"] == [revs.get(name) for name in "ab"]


def test_what_was_read_before_a_forgetting_is_not_learned_after_it() -> None:
    """A slow read of a user who was erased meanwhile would bring the old lists back."""
    revs = Revs()
    for forget in (lambda: revs.forget("a"), revs.forget_all):
        as_of = revs.forgotten
        forget()

        revs.learn("a", 5, as_of=as_of)

        assert revs.get("a") is None
        revs.learn("a", 6, as_of=revs.forgotten)
        assert 6 == revs.get("a")


def test_a_late_word_of_a_rev_from_before_an_erasure_is_not_believed() -> None:
    revs = Revs()
    revs.learn("a", 5)
    revs.forget("a")

    revs.learn("a", 5)
    assert revs.get("a") is None
    revs.learn("a", 6)
    assert 6 == revs.get("a")


def test_only_so_many_users_are_remembered() -> None:
    revs = Revs(most=100)
    for number in range(1_000):
        revs.learn(f"u{number}", 1)
    revs._revs.run_pending_tasks()

    assert 100 >= sum(revs.get(f"u{number}") is not None for number in range(1_000))


def test_a_number_nobody_told_is_a_gap_once() -> None:
    revs = Revs()
    revs.count_from(4)
    revs.count_from(0)  # only the first time counts
    for user, rev in (("a", 6), ("b", 5), ("a", 8)):
        revs.learn(user, rev)

    assert revs.heard_all(6)
    assert not revs.heard_all(8)  # 7 is missing
    assert revs.heard_all(8)


def test_whoever_is_patient_hears_of_it_later() -> None:
    revs = Revs()
    revs.count_from(4)
    revs.learn("a", 6)

    assert not revs.heard_all(6, patient=True)
    revs.learn("b", 5)
    assert revs.heard_all(6, patient=True)


def test_the_numbers_of_what_was_there_before_are_not_collected() -> None:
    """A process that has served a million users would hold 66 MB of them."""
    revs = Revs()
    revs.count_from(1_000)
    for number in range(1_000):
        revs.learn(f"u{number}", number)

    assert not revs._heard


def test_without_a_beginning_or_with_too_many_numbers_nothing_counts_as_told(monkeypatch) -> None:
    assert not Revs().heard_all(0)

    monkeypatch.setattr(module, "MOST_HEARD", 2)
    revs = Revs()
    revs.count_from(0)
    for rev in (1, 2, 3):
        revs.learn("a", rev)

    assert not revs.heard_all(3)
