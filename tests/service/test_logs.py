"""No line of the log tells a secret or somebody's address, wherever it comes from."""

import io
import re
import sys
from collections.abc import Iterator

import msgspec
import pytest
import structlog

from service import logs
from tests import canaries

SAID = {
    "a key": canaries.KEY,
    "a header": f"Authorization: Bearer {canaries.PASSWORD}",
    "a token": f"token={canaries.TOKEN};",
    "an address of Redis": f"Error 111 connecting to redis://user:{canaries.PASSWORD}@h:6379/0.",
    "an address of MongoDB": f"mongodb+srv://:{canaries.PASSWORD}@h/db?x=1",
    "a password with an @": f"redis://user:at@{canaries.PASSWORD}@h does not answer",
    "somebody's mail": f"/v1/users/{canaries.MAIL}/profile",
    "two": f"{canaries.KEY} {canaries.MAIL}",
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to standard error, of a process that has set up its log."""
    stream, before = io.StringIO(), structlog.get_config()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure_logs("debug")
    yield stream
    structlog.configure(**before)


def tell(text: str) -> None:
    """In every place a line has."""
    log = structlog.get_logger()
    log.warning("something", reason=text)
    log.info(text)
    try:
        int(text)
    except ValueError:
        log.exception("something failed")


@pytest.mark.parametrize("name", SAID)
def test_a_secret_is_left_out_and_the_line_is_a_line(said: io.StringIO, name: str) -> None:
    tell(SAID[name])
    lines = said.getvalue().splitlines()

    assert set() == canaries.told(said.getvalue())
    assert "***" in said.getvalue()
    assert 3 == len(lines)
    assert ["warning", "info", "error"] == [msgspec.json.decode(line)["level"] for line in lines]


@pytest.mark.parametrize("name", SAID)
def test_without_the_last_step_it_would_be_told(
    said: io.StringIO, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The control."""
    monkeypatch.setattr(logs, "SECRETS", re.compile(r"(?!)"))
    tell(SAID[name])

    assert set() != canaries.told(said.getvalue())


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/v1/trending",
        "redis://127.0.0.1:6379/",
        "20261123T052102-1259 loads: 6,000 tracks",
        "basic things",
        "2 @ 3",
        "et_",
    ],
)
def test_what_is_no_secret_stays(said: io.StringIO, text: str) -> None:
    tell(text)

    assert 3 == said.getvalue().count(text)


def test_a_line_end_in_a_value_makes_no_second_line(said: io.StringIO) -> None:
    structlog.get_logger().warning("a\r\nb", reason='x"\r\n{"level":"info"}')

    assert 1 == len(said.getvalue().splitlines())
