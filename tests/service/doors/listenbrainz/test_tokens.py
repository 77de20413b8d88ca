import json

import pytest

from service.doors.listenbrainz.tokens import read_tokens
from service.errors import Invalid

SECRET = "a-secret-of-sixteen-or-more"


def written(tmp_path, content: object) -> str:
    path = tmp_path / "tokens.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_token_is_its_users_and_only_a_digest_is_kept(tmp_path) -> None:
    tokens = read_tokens(written(tmp_path, {SECRET: "alice", SECRET + "2": "alice"}), "127.0.0.1")

    assert "alice" == tokens.user(SECRET) == tokens.user(SECRET + "2")
    assert tokens.user("alice") is None
    assert tokens.user(SECRET[:-1]) is None
    assert tokens.user("\udcff") is None
    assert SECRET not in repr(vars(tokens))


@pytest.mark.parametrize(
    "host, user", [("127.0.0.1", "alice"), ("::1", "alice"), ("10.0.0.1", None)]
)
def test_without_a_file_a_name_is_a_token_on_loopback_alone(host, user) -> None:
    assert user == read_tokens(None, host).user("alice")
    assert read_tokens(None, host).user("not a name") is None


@pytest.mark.parametrize(
    "content",
    ["{", "[]", {SECRET: "no name"}, {SECRET: 7}, {"short": "alice"}, {SECRET + " x": "alice"}],
)
def test_a_file_that_is_none_stops_the_start_and_is_not_quoted(tmp_path, content) -> None:
    with pytest.raises(Invalid, match="ECHOTUNE_LISTENBRAINZ_TOKENS") as told:
        read_tokens(written(tmp_path, content), "127.0.0.1")

    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None
    with pytest.raises(Invalid, match="No such file"):
        read_tokens(str(tmp_path / "missing"), "127.0.0.1")
