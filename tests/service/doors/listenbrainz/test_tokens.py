import json

import pytest

from service.doors.listenbrainz.tokens import read_users, tokens_of
from service.errors import Invalid
from service.settings import Settings

SECRET = "a-secret-of-sixteen-or-more"


def written(tmp_path, content: object) -> str:
    path = tmp_path / "tokens.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_token_is_its_users_and_only_a_digest_is_kept(tmp_path) -> None:
    path = written(tmp_path, {SECRET: "alice", SECRET + "2": "alice"})
    tokens = tokens_of(Settings(listenbrainz_tokens=path))

    assert "alice" == tokens.user(SECRET) == tokens.user(SECRET + "2")
    assert tokens.user("alice") is None
    assert tokens.user(SECRET[:-1]) is None
    assert tokens.user("\udcff") is None
    assert SECRET not in repr(vars(tokens))


@pytest.mark.parametrize(
    "host, user", [("127.0.0.1", "alice"), ("::1", "alice"), ("10.0.0.1", None)]
)
def test_without_a_file_a_name_is_a_token_on_loopback_alone(host, user) -> None:
    assert user == tokens_of(Settings(host=host)).user("alice")
    assert tokens_of(Settings(host=host)).user("not a name") is None


def test_whoever_wants_keys_takes_nobody_at_their_word() -> None:
    assert tokens_of(Settings(access="on")).user("alice") is None


@pytest.mark.parametrize(
    "content",
    ["{", "[]", {SECRET: "no name"}, {SECRET: 7}, {"short": "alice"}, {SECRET + " x": "alice"}],
)
def test_a_file_that_is_none_stops_the_start_and_is_not_quoted(tmp_path, content) -> None:
    with pytest.raises(Invalid, match="ECHOTUNE_LISTENBRAINZ_TOKENS") as told:
        read_users(written(tmp_path, content))

    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None
    with pytest.raises(Invalid, match="No such file"):
        read_users(str(tmp_path / "missing"))
