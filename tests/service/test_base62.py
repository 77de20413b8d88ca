"""Ids in base 62."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.base62 import base62, minted


@pytest.mark.parametrize(
    "raw, text",
    [
        (b"", ""),
        (b"\x00", "00"),
        (b"\x0a", "0A"),
        (b"\x3d", "0z"),
        (b"\x3e", "10"),
        (b"\xff", "47"),
        (b"\xff" * 8, "LygHa16AHYF"),
        (b"\xff" * 16, "7n42DGM5Tflk9n8mt7Fhc7"),
    ],
)
def test_known_answers(raw, text) -> None:
    assert text == base62(raw)


@given(
    st.integers(0, 40).flatmap(
        lambda size: st.tuples(*[st.binary(min_size=size, max_size=size)] * 2)
    )
)
def test_equal_lengths_stay_equal_and_keep_their_order(pair) -> None:
    first, second = map(base62, pair)

    assert len(first) == len(second)
    assert (pair[0] < pair[1]) == (first < second)


@given(st.binary(max_size=40))
def test_the_digits_give_the_number_back(raw) -> None:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for digit in base62(raw):
        number = number * 62 + digits.index(digit)

    assert int.from_bytes(raw, "big") == number


def test_a_minted_id_is_stable_and_differs_by_kind() -> None:
    """Importers rely on it: the second import finds the ids of the first."""
    assert minted("track", "x") == minted("track", "x")
    assert 22 == len(minted("track", "x"))
    assert 3 == len({minted("track", "x"), minted("user", "x"), minted("track", "y")})
