"""What is kept about somebody can be had, and can be made to go: no file holds a byte of it."""

import json
import sqlite3
from hashlib import blake2b
from pathlib import Path

import anyio
import msgspec
import pytest
from litestar.testing import AsyncTestClient
from redis import Redis

from service.app import create_app
from service.settings import Settings
from tests import worlds
from tests.flows.conftest import fit

GONE = "gone-canary-7f3a"
URL = f"/v1/users/{GONE}"


def theirs() -> list[dict]:
    at = worlds.YESTERDAY.isoformat()
    return [
        {"id": f"listen-canary-{n}", "user_id": GONE, "track_id": f"jazz{n:02}", "at": at}
        for n in range(20)
    ]


def traces_of(folder: Path, needles: list[bytes]) -> dict[str, list[bytes]]:
    """Which files hold which of the needles."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        raw = path.read_bytes()
        if hits := [needle for needle in needles if needle in raw]:
            found[path.relative_to(folder).as_posix()] = hits
    return found


def needles() -> list[bytes]:
    """The id as UTF-8 and as NumPy keeps it, ids of their listens, what the learner calls them."""
    digest = blake2b(GONE.encode(), digest_size=8).digest()
    return [GONE.encode(), GONE.encode("utf-32-le"), b"listen-canary", digest]


async def ended(client: AsyncTestClient, job_id: str) -> dict:
    with anyio.fail_after(60):
        while (job := (await client.get(f"/v1/jobs/{job_id}")).json())["status"] != "done":
            assert job["status"] in ("queued", "running"), job
            await anyio.sleep(0.02)
    return job


async def lived(client: AsyncTestClient) -> None:
    """Somebody among the others, in as many places as somebody can be."""
    assert 200 == (await client.put(URL, json={"timezone": "Asia/Tokyo"})).status_code
    posted = await client.post("/v1/listens", json=theirs())
    assert 20 == posted.json()["accepted"], posted.text
    await fit(client)
    arms = [{"name": "control"}, {"name": "b", "settings": {"balance": 0.5}}]
    draft = {"name": "trial", "variants": arms, "allocation": 1.0, "overrides": {GONE: "b"}}
    assert 201 == (await client.post("/v1/experiments", json=draft)).status_code
    for kind in ("profiles", "similarity"):
        await ended(client, (await client.post("/v1/jobs", json={"kind": kind})).json()["job_id"])
    assert 200 == (await client.get(f"{URL}/recommendations")).status_code


async def test_no_byte_of_somebody_erased_is_left(world: AsyncTestClient, tmp_path: Path) -> None:
    await lived(world)
    rejects = tmp_path / "rejects" / "x.jsonl"
    rejects.parent.mkdir()
    rejects.write_text(f'{{"row":"{GONE},x"}}\n{{"row":"other,y"}}\n')
    house = world.app.state.house
    leader = house.following._learner
    with anyio.fail_after(20):
        while learner_key() not in leader.learned.users:  # noqa: ASYNC110 - it learns by itself
            await anyio.sleep(0.02)
    await leader.save()
    before = traces_of(tmp_path, needles())

    job = await ended(world, (await world.delete(URL)).json()["job_id"])
    with anyio.fail_after(20):
        while not leader.learned.forgot and learner_key() in leader.learned.users:  # noqa: ASYNC110 - it learns by itself
            await anyio.sleep(0.02)
    await leader.save()

    assert "rejects/x.jsonl" in before  # the control: they were there
    assert any(name.startswith("echotune.db") for name in before)
    assert any("user_ids.npy" in name for name in before)
    assert any(name.endswith(".snapshot") for name in before)
    assert {} == traces_of(tmp_path, needles())
    assert '{"row":"other,y"}\n' == rejects.read_text()
    receipt = job["receipt"]
    assert (20, 1, 1) == (receipt["listens"], receipt["models"], receipt["rejected_rows"])
    assert 1 == receipt["overrides"]
    assert receipt["erased_at"].endswith("Z")
    assert GONE not in json.dumps(job)
    assert GONE not in repr(house.jobs.__dict__)
    assert 404 == (await world.get(f"{URL}/export")).status_code


def learner_key() -> int:
    return int.from_bytes(blake2b(GONE.encode(), digest_size=8).digest(), "little")


async def test_a_model_without_their_name_is_loaded_again(
    world: AsyncTestClient, tmp_path: Path
) -> None:
    await lived(world)
    await ended(world, (await world.delete(URL)).json()["job_id"])
    version = (await world.get("/v1/models")).json()["current"]

    app = create_app(Settings(data_dir=str(tmp_path)))
    async with AsyncTestClient(app) as again:
        page = (await again.get("/v1/users/jazz-u0/recommendations")).json()

        assert version == page["model_version"]
        assert "personal" == page["tier"]
        similar = (await again.get("/v1/users/jazz-u0/similar?min=0&limit=100")).json()["similar"]
        assert not {"", GONE} & {one["user_id"] for one in similar}


def test_rows_that_are_only_deleted_stay_in_the_file(tmp_path: Path) -> None:
    """The control: this is what a file without our settings keeps."""
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE x (a TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.executemany("INSERT INTO x VALUES (?)", [(f"{GONE}{n}",) for n in range(500)])
    connection.execute("DELETE FROM x")
    found = traces_of(tmp_path, [GONE.encode()])
    connection.close()

    assert {} != found


async def test_everything_about_somebody_is_one_document(
    world: AsyncTestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.learn.portability.PAGE", 7)
    await lived(world)
    await world.post("/v1/experiments/trial/start")
    answer = await world.get(f"{URL}/export")
    said = answer.json()

    assert "no-store" == answer.headers["cache-control"]
    assert "application/json" == answer.headers["content-type"].split(";")[0]
    assert ["user_id", "exported_at", "settings", "profile", "assignments", "listens",
            "shown"] == list(said)  # fmt: skip
    assert "Asia/Tokyo" == said["settings"]["timezone"]
    assert GONE == said["profile"]["user_id"]
    assert sorted(one["id"] for one in theirs()) == sorted(one["id"] for one in said["listens"])
    assert "jazz-u" not in answer.text


async def test_somebody_who_only_said_something_has_an_export_too(client: AsyncTestClient) -> None:
    await client.put(URL, json={})

    assert [] == (await client.get(f"{URL}/export")).json()["listens"]
    assert 404 == (await client.get("/v1/users/nobody/export")).status_code
    assert 400 == (await client.get("/v1/users/no%20body/export")).status_code


async def test_what_redis_holds_of_somebody_erased_ends_within_a_day(
    tmp_path: Path, own_valkey_url: str
) -> None:
    settings = Settings(
        data_dir=str(tmp_path),
        redis_url=own_valkey_url,
        events_redis_url=own_valkey_url,
        strategy_timeout_ms=5_000,
        store_timeout_ms=5_000,
        redis_timeout_ms=1_000,
    )
    async with AsyncTestClient(create_app(settings)) as client:
        put = await client.put("/v1/tracks", content=msgspec.json.encode(worlds.tracks()))
        assert 200 == put.status_code
        await client.post("/v1/listens", content=msgspec.json.encode(worlds.listens()))
        await lived(client)
        with anyio.fail_after(20):
            while b"traces" not in b"".join(before := held(own_valkey_url)):  # noqa: ASYNC110 - told once a second
                await anyio.sleep(0.05)
        await ended(client, (await client.delete(URL)).json()["job_id"])
        leader = client.app.state.house.following._learner
        with anyio.fail_after(20):
            while not leader.learned.forgot:  # noqa: ASYNC110 - it learns by itself
                await anyio.sleep(0.02)
    after = held(own_valkey_url)  # the learner saved what it knows when it was told to stop

    assert {b"echotune:bus:events", b"echotune:bus:traces"} <= before.keys()  # the control
    assert [] == [key for key, left_s in after.items() if not 0 < left_s <= 24 * 3600]


def held(url: str) -> dict[bytes, int]:
    """Keys that name the user or are about them, with the seconds until they end; -1: never."""
    with Redis.from_url(url) as redis:
        dumps = {key: key + read(redis, key) for key in redis.scan_iter("*")}
        return {key: redis.ttl(key) for key, raw in dumps.items() if GONE.encode() in raw}


def read(redis, key: bytes) -> bytes:
    match redis.type(key):
        case b"string":
            return redis.get(key) or b""
        case b"stream":
            return repr(redis.xrange(key)).encode()
        case b"hash":
            return repr(redis.hgetall(key)).encode()
        case b"zset":
            return repr(redis.zrange(key, 0, -1)).encode()
        case b"set":
            return repr(redis.smembers(key)).encode()
    return repr(redis.lrange(key, 0, -1)).encode()
