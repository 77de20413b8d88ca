"""Different questions have different keys."""

from hypothesis import given
from hypothesis import strategies as st

from service.cache.keys import profile_key, recommendations_key, similar_key
from service.domain import Context
from service.recommend.ask import Ask

TRACK_IDS = st.from_regex(r"[0-9A-Za-z]{1,3}", fullmatch=True)
CONTEXTS = st.builds(
    Context,
    activity=st.sampled_from(["none", "workout"]),
    mood=st.sampled_from(["none", "happy"]),
    device=st.sampled_from(["none", "car"]),
    daypart=st.sampled_from([None, "night", "morning"]),
    weekend=st.sampled_from([None, True, False]),
)
ASKS = st.builds(
    Ask,
    limit=st.integers(1, 3),
    strategy=st.sampled_from(["hybrid", "context"]),
    context=CONTEXTS,
    mix=st.sampled_from(["discover", "familiar"]),
    exclude=st.lists(TRACK_IDS, max_size=3).map(lambda ids: tuple(sorted(set(ids)))),
    explain=st.booleans(),
    flow=st.booleans(),
)
QUESTIONS = st.tuples(
    st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._~@-]{0,2}", fullmatch=True),
    st.sampled_from(["none.0", "none.1", "v1.1", "v1.11", "v1.1.1"]),
    ASKS,
)


@given(QUESTIONS, QUESTIONS)
def test_two_questions_share_a_key_only_when_they_are_one(one, other) -> None:
    keys = [recommendations_key(user, stamp, ask.key) for user, stamp, ask in (one, other)]

    assert (one == other) == (keys[0] == keys[1])


@given(
    ASKS,
    st.sampled_from(
        ["limit", "strategy", "mix", "explain", "flow", "exclude", "context", "balance"]
    ),
)
def test_every_part_of_a_question_is_in_its_key(ask, part) -> None:
    changed = {
        "limit": 99,
        "strategy": "trending",
        "mix": "blend",
        "explain": not ask.explain,
        "flow": not ask.flow,
        "exclude": (*ask.exclude, "zzzz"),
        "context": Context(activity="sleep"),
        "balance": 0.5,
    }[part]
    other = Ask(**{name: getattr(ask, name) for name in ask.__struct_fields__} | {part: changed})

    assert ask.key != other.key


NAMES = st.sampled_from(["", "a", "profile", "similar", "1", "0"])


@given(st.tuples(NAMES, NAMES, st.integers(0, 20)), st.tuples(NAMES, NAMES, st.integers(0, 20)))
def test_kinds_of_answers_never_share_a_key(one, other) -> None:
    made: list[tuple[object, ...]] = []
    for user_id, track_id, number in (one, other):
        stamp = f"{track_id}.{number:x}"
        made.append(("list", user_id, stamp, recommendations_key(user_id, stamp, "profile|1")))
        made.append(("profile", user_id, number, profile_key(user_id, number)))
        made.append(("similar", stamp, track_id, number, similar_key(stamp, track_id, number)))

    assert len({question[:-1] for question in made}) == len({question[-1] for question in made})
