"""A request has the id its client gave it, or one that no other has."""

from contextvars import copy_context

import pytest

from service import request_id


def of(headers) -> str:
    def asked() -> str:
        request_id.note(headers)
        return request_id.current()

    return copy_context().run(asked)


def test_the_id_of_the_client_is_the_id_of_the_request() -> None:
    assert "a1:B.c_d-e" == of([(b"accept", b"*/*"), (b"x-request-id", b"a1:B.c_d-e")])


@pytest.mark.parametrize(
    "value", [b"", b" ", b"a b", b"a\n", b"-a", b"\xff", "☃".encode(), b"a" * 65, b"<script>"]
)
def test_what_is_no_id_is_passed_over(value: bytes) -> None:
    made = of([(b"x-request-id", value)])

    assert made.isascii()
    assert value.decode(errors="replace") != made


def test_no_two_requests_without_an_id_have_the_same() -> None:
    assert 100 == len({of([]) for _ in range(100)})


def test_an_id_does_not_outlive_its_request() -> None:
    of([(b"x-request-id", b"mine")])

    assert "mine" != request_id.current()
