"""Fixtures of what learns."""

import pytest


@pytest.fixture
def one_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A track trends from its first listener on: a test counts plays, not people."""
    monkeypatch.setattr("service.learn.allowance.SUPPORT", 1)
    monkeypatch.setattr("service.store.memory.SUPPORT", 1)
