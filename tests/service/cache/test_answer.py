"""What comes back from the shared level is what went in, or nothing."""

from hypothesis import given
from hypothesis import strategies as st

from service.cache.answer import GENERATION_BYTES, Answer, decode, encode

GENERATION = b"0123456789abcdef"
SECONDS = st.floats(0, 1e6, width=32)
ANSWERS = st.builds(
    Answer,
    body=st.binary(max_size=200),
    tag=st.text(st.characters(codec="ascii"), max_size=20),
    rev=st.integers(0, 2**53 - 1),
    made=st.just(100.0),
    cost_s=SECONDS,
    fresh_s=SECONDS,
    stale_s=SECONDS,
)
WHOLE = Answer(b'{"a":1}', "tag", 7, 100.0, 0.2, 900.0, 300.0)


def read(value: bytes, key: str = "key"):
    return decode(value, key, monotonic=100.0, now=5_000.0)


@given(ANSWERS)
def test_an_answer_survives_the_wire(answer: Answer) -> None:
    value = encode(answer, "key", GENERATION, age_s=0.0, now=5_000.0)

    assert (answer, GENERATION) == read(value)


def test_its_age_travels_between_clocks_and_is_never_negative() -> None:
    for age_s, expected in ((30.0, 70.0), (-30.0, 100.0)):
        decoded = read(encode(WHOLE, "key", GENERATION, age_s=age_s, now=5_000.0))

        assert decoded is not None
        assert expected == decoded[0].made


def test_the_answer_to_another_key_is_none() -> None:
    """A reply that went to the wrong caller must not show one listener another's list."""
    assert read(encode(WHOLE, "key", GENERATION, age_s=0.0, now=5_000.0), "other") is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_body_with_a_flipped_byte_is_none(place: int, flip: int) -> None:
    value = bytearray(encode(WHOLE, "key", GENERATION, age_s=0.0, now=5_000.0))
    start = len(value) - len(WHOLE.body)
    value[start + place % len(WHOLE.body)] ^= flip

    assert read(bytes(value)) is None


@given(st.binary(max_size=120))
def test_bytes_that_are_no_answer_are_none(value: bytes) -> None:
    assert read(value) is None


def test_a_generation_has_the_length_that_scripts_rely_on() -> None:
    assert GENERATION_BYTES == len(GENERATION)
    value = encode(WHOLE, "key", GENERATION, age_s=0.0, now=5_000.0)
    assert b"%016d" % 7 + GENERATION == value[:32]
