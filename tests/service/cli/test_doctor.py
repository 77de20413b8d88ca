"""The doctor sees what is wrong and says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pymongo
import pytest

from service.cli.check import Check
from service.cli.doctor import examine
from tests import servers
from tests.stores import drop, own_database

ROOT = Path(__file__).parents[3]


def states(env: dict[str, str]) -> dict[str, Check]:
    return {one.name: one for one in examine(env)}


def test_a_fresh_folder_has_nothing_wrong(tmp_path) -> None:
    found = states({"ECHOTUNE_DATA_DIR": str(tmp_path)})

    assert {
        "settings",
        "folder",
        "kernels",
        "store",
        "durable",
        "indexes",
        "model",
        "door",
        "tokens",
    } == (found.keys())
    assert {"kernels", "model"} == {name for name, one in found.items() if one.state == "warn"}
    assert all(one.next for one in found.values() if one.state != "ok")
    assert not any(one.state == "fail" for one in found.values())


def test_a_typo_in_a_setting_ends_it(tmp_path) -> None:
    (only,) = examine({"ECHOTUNE_DATADIR": str(tmp_path)})

    assert ("settings", "fail") == (only.name, only.state)
    assert "did you mean ECHOTUNE_DATA_DIR" in only.text


def test_a_folder_that_is_none_fails_and_opens_no_store(tmp_path) -> None:
    (tmp_path / "file").write_text("x")

    found = states({"ECHOTUNE_DATA_DIR": str(tmp_path / "file" / "data")})

    assert "fail" == found["folder"].state
    assert "store" not in found


def test_a_door_open_to_all_is_a_warning(tmp_path) -> None:
    env = {"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_HOST": "0.0.0.0"}  # noqa: S104

    found = states(env | {"ECHOTUNE_ACCESS": "off"})

    assert "warn" == found["door"].state
    assert "whoever connects may do all" in found["door"].text


def test_a_door_that_asks_wants_a_key(tmp_path) -> None:
    found = states({"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_HOST": "0.0.0.0"})  # noqa: S104

    assert "ok" == found["door"].state
    assert "warn" == found["keys"].state
    assert "echotune keys create" in found["keys"].next


def test_a_broken_model_fails(tmp_path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "current").write_text("gone")

    found = states({"ECHOTUNE_DATA_DIR": str(tmp_path)})

    assert "fail" == found["model"].state


def test_mongo_is_looked_at_and_a_wrong_plan_fails(tmp_path, mongo_url) -> None:
    url = own_database(mongo_url)
    env = {"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_MONGO_URL": url}

    found = states(env)

    assert found["store"].text.startswith("MongoDB answers: 0 listens")
    assert "ok" == found["indexes"].state
    assert ("warn", "one member" in found["durable"].text) == (found["durable"].state, True)
    assert not (tmp_path / "echotune.db").exists()
    drop(url)


def test_a_mongo_that_is_no_replica_set_fails_and_says_how_to_make_it_one(tmp_path) -> None:
    try:
        server = servers.mongo(tmp_path, "--standalone")
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    with server:
        env = {"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_MONGO_URL": server.url}
        found = states(env)

    assert "fail" == found["store"].state
    assert "run rs.initiate() once" in found["store"].text


def test_a_model_that_is_published_and_not_here_is_no_fault(tmp_path, mongo_url) -> None:
    url = own_database(mongo_url)
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(url) as client:
        serving: pymongo.collection.Collection = client.get_default_database()["serving"]
        serving.insert_one({"_id": "model", "version": "v1"})

    found = states({"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_MONGO_URL": url})

    assert ("ok", True) == (found["model"].state, "downloads it" in found["model"].text)
    drop(url)


def test_redis_is_looked_at_when_it_is_named(tmp_path) -> None:
    env = {"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_REDIS_URL": "redis://127.0.0.1:1/"}

    assert "fail" == states(env)["cache"].state


def test_an_index_of_another_shape_is_a_fail(tmp_path, mongo_url) -> None:
    url = own_database(mongo_url)
    client: pymongo.MongoClient[dict[str, object]]
    with pymongo.MongoClient(url) as client:
        client.get_default_database()["listens"].create_index("source", name="newest")

    found = states({"ECHOTUNE_DATA_DIR": str(tmp_path), "ECHOTUNE_MONGO_URL": url})

    assert "fail" in {one.state for one in found.values()}
    drop(url)


@pytest.mark.parametrize("env, code", [({}, 0), ({"ECHOTUNE_MONGO_URL": "mongodb://h:x/"}, 1)])
def test_the_command_says_so_in_json_and_by_its_exit_code(tmp_path, env, code) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "service", "doctor", "--json"],
        cwd=ROOT,
        env=os.environ | {"ECHOTUNE_DATA_DIR": str(tmp_path)} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    checks = msgspec.json.decode(ran.stdout, type=list[Check])

    assert code == ran.returncode, ran.stderr
    assert ("fail" in {one.state for one in checks}) == bool(code)
