"""echotune keys: made, seen, ended, followed by another."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.access.keyring import Keyring
from service.cli import echotune
from service.errors import Invalid
from service.store.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path))
    return tmp_path


def keys(*words: str) -> Result:
    return CliRunner().invoke(echotune, ["keys", *words], catch_exceptions=False)


def made(*words: str) -> str:
    return keys("create", *words).stdout.strip()


def listed() -> list[dict]:
    return [json.loads(line) for line in keys("list").stdout.splitlines()]


def opens(home: Path, token: str) -> bool:
    async def asked() -> bool:
        store = SqliteStore(home / "echotune.db")
        ring = Keyring(store)
        await ring.refresh()
        await store.close()
        return ring.identity(b"Bearer " + token.encode()) is not None

    return asyncio.run(asked())


def test_a_key_is_printed_once_and_opens(home: Path) -> None:
    token = made("the web shop", "--user", "u1", "--rate", "5", "--days", "30")

    assert opens(home, token)
    (one,) = listed()
    assert ("the web shop", "u1", 5.0) == (one["label"], one["user_id"], one["per_s"])
    assert ["recs:read", "events:write", "users:write"] == one["scopes"]
    assert one["id"] == token.split("_")[1]
    assert "digest" not in one


def test_no_secret_is_on_disk(home: Path) -> None:
    secret = made("a").rsplit("_", 1)[1]

    assert secret not in keys("list").output
    for path in home.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_all_that_operators_do_has_one_name() -> None:
    made("operators", "--scope", "admin:*", "--scope", "recs:read")

    (one,) = listed()
    assert "recs:read" == one["scopes"][0]
    assert {"admin:models", "admin:jobs"} < set(one["scopes"])
    assert "tracks:write" not in one["scopes"]


def test_a_revoked_key_opens_nothing(home: Path) -> None:
    token = made("a")

    keys("revoke", token.split("_")[1])
    keys("revoke", token.split("_")[1])

    assert not opens(home, token)
    assert listed()[0]["revoked_at"]


@pytest.mark.parametrize("grace, holds", [("24", True), ("0", False)])
def test_a_rotated_key_holds_as_long_as_it_is_given(home: Path, grace: str, holds: bool) -> None:
    old = made("a", "--user", "u1", "--rate", "7")

    new = keys("rotate", old.split("_")[1], "--grace", grace).stdout.strip()

    assert new != old
    assert opens(home, new)
    assert holds == opens(home, old)
    same = [{key: one[key] for key in ("label", "scopes", "user_id", "per_s")} for one in listed()]
    assert same[0] == same[1]


def test_what_is_over_is_not_rotated() -> None:
    key_id = made("a").split("_")[1]
    keys("revoke", key_id)

    with pytest.raises(Invalid, match="make a new key"):
        keys("rotate", key_id)
    with pytest.raises(Invalid, match="no key has this id"):
        keys("revoke", "nobody")


@pytest.mark.parametrize(
    "words", [("a", "--user", "../u1"), ("",), ("a", "--rate", "-1"), ("a", "--rate", "nan")]
)
def test_what_cannot_be_a_key_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="cannot be"):
        made(*words)
    assert [] == listed()
