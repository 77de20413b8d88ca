"""A bar comes up for work that takes long, and only then."""

import io

import pytest
from rich.console import Console

from service.cli.progress import bar


@pytest.mark.parametrize("moments, shown", [([0, 0.5, 1.9], False), ([0, 1, 2.1], True)])
def test_a_bar_is_shown_after_two_seconds(moments, shown) -> None:
    out, times = io.StringIO(), iter(moments)

    with bar("counting", 20, Console(file=out), lambda: next(times)) as advance:
        advance(10)
        advance(20)

    assert shown == ("counting" in out.getvalue())
