import pytest

from service.api.priority import is_prefetch, way_of


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


@pytest.mark.parametrize(
    "status, purpose, way",
    [
        (200, b"", "shown"),
        (200, b"prefetch", "prefetched"),
        (304, b"", "unchanged"),
        (304, b"prefetch", "unchanged"),
    ],
)
def test_a_list_is_shown_prefetched_or_unchanged(status: int, purpose: bytes, way: str) -> None:
    assert way == way_of(status, [(b"sec-purpose", purpose)])
