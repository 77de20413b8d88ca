import pytest

from service.api.priority import is_prefetch


@pytest.mark.parametrize(
    "header",
    [
        (b"sec-purpose", b"prefetch;prerender"),
        (b"purpose", b"prefetch"),
        (b"purpose", b"Prefetch"),
        (b"x-moz", b"prefetch"),
    ],
)
def test_who_asks_ahead_says_so(header) -> None:
    assert is_prefetch([(b"host", b"x"), header])


def test_everybody_else_waits_for_the_answer() -> None:
    assert not is_prefetch([(b"host", b"prefetch"), (b"purpose", b"fun")])
