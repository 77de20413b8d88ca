"""The servers that tests lean on are real, private to this machine, and gone afterwards."""

import errno
import os
import socket
import sys
from pathlib import Path

import pymongo
import pytest
import redis

from tests import servers


def test_valkey_answers(valkey_url):
    with redis.Redis.from_url(valkey_url) as client:
        assert client.ping()
        client.set("test_servers", "1", px=1000)

        assert b"1" == client.get("test_servers")


def test_mongo_answers(mongo_url):
    with pymongo.MongoClient(mongo_url, serverSelectionTimeoutMS=10_000) as client:
        collection = client["echotune_test_servers"]["listens"]
        collection.insert_one({"_id": "l1", "user_id": "u1"})
        try:
            assert [{"_id": "l1", "user_id": "u1"}] == list(collection.find({"user_id": "u1"}))
        finally:
            client.drop_database("echotune_test_servers")


@pytest.fixture(params=[servers.valkey, servers.mongo], ids=["valkey", "mongo"])
def server(request, tmp_path: Path):
    try:
        made = request.param(tmp_path)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    yield made
    made.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's list of sockets")
def test_listens_on_loopback_only(server):
    server.start()

    assert {"0100007F"} == _listening_addresses(server.port)


def test_nothing_is_left_after_stop(server):
    server.start()
    pid = server.pid

    server.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with socket.socket() as probe:
        assert errno.ECONNREFUSED == probe.connect_ex((servers.HOST, server.port))


def test_stop_may_be_called_before_start_and_twice(server):
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_a_server_that_cannot_start_says_why(tmp_path):
    with (
        pytest.raises(RuntimeError, match="no-such-option"),
        servers.valkey(tmp_path, "--no-such-option", "1"),
    ):
        pytest.fail("started all the same")


def _listening_addresses(port: int) -> set[str]:
    """Local addresses, as the kernel writes them, of all sockets that listen on `port`."""
    tables = [Path(f"/proc/net/{table}") for table in ("tcp", "tcp6")]
    rows = [
        line.split() for table in tables if table.exists() for line in table.read_text().split("\n")
    ]
    listening = [row[1].split(":") for row in rows if len(row) > 3 and row[3] == "0A"]
    return {address for address, at in listening if int(at, 16) == port}
