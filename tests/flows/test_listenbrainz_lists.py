"""What ListenBrainz clients read: recommendations, playlists, statistics, of the small world."""

from datetime import UTC, datetime

import pytest
from litestar.testing import AsyncTestClient

from service.doors.listenbrainz.playlists import issues_of
from tests.flows.scrobbles import NOW

JSPF = "https://musicbrainz.org/doc/jspf#playlist"
WEDNESDAY = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)


@pytest.fixture
def door(world: AsyncTestClient) -> AsyncTestClient:
    """The small world, asked by one of its listeners."""
    world.headers["Authorization"] = "Token jazz-u0"
    return world


async def test_there_is_nothing_to_recommend_before_the_first_model(client) -> None:
    client.headers["Authorization"] = "Token somebody"
    answer = await client.get("/1/cf/recommendation/user/somebody/recording")
    playlists = await client.get("/1/user/somebody/playlists/createdfor")

    assert (204, b"") == (answer.status_code, answer.content)
    assert (200, 0, []) == (
        playlists.status_code,
        playlists.json()["playlist_count"],
        playlists.json()["playlists"],
    )
    for path in ("artists", "recordings", "releases", "listening-activity"):
        empty = await client.get(f"/1/stats/user/somebody/{path}")
        assert (204, b"") == (empty.status_code, empty.content)


async def test_the_list_is_the_one_everybody_else_is_given(door) -> None:
    path = "/1/cf/recommendation/user/jazz-u0/recording"
    page = (await door.get(f"{path}?count=5&offset=2&artist_type=top")).json()["payload"]
    own = (await door.get("/v1/users/jazz-u0/recommendations?limit=100")).json()
    whole = (await door.get(f"{path}?count=1000")).json()["payload"]

    assert ("recording", "jazz-u0", 5, 2) == (
        page["entity"],
        page["user_name"],
        page["count"],
        page["offset"],
    )
    assert own["model_version"] == page["model_id"]
    assert len(own["recommendations"]) == page["total_mbid_count"] == whole["count"]
    assert page["mbids"] == whole["mbids"][2:7]
    assert [one["score"] for one in own["recommendations"]] == [
        one["score"] for one in whole["mbids"]
    ]


async def test_playlists_stay_for_their_week_and_are_of_nobody_else(door) -> None:
    listed = (await door.get("/1/user/jazz-u0/playlists/createdfor")).json()
    patches, tracks = [], {}
    for one in listed["playlists"]:
        said = one["playlist"]["extension"][JSPF]
        patch = said["additional_metadata"]["algorithm_metadata"]["source_patch"]
        mbid = one["playlist"]["identifier"].partition("/playlist/")[2]
        first = await door.get(f"/1/playlist/{mbid}")
        listen = {"user_id": "jazz-u0", "track_id": "jazz00", "at": "2026-03-01T10:00:00Z"}
        await door.post("/v1/listens", json=listen | {"id": patch})
        patches.append(patch)
        tracks[patch] = first.json()["playlist"]["track"]

        assert "jazz-u0" == said["created_for"]
        assert [] == one["playlist"]["track"]
        assert first.json() == (await door.get(f"/1/playlist/{mbid}")).json()
        other = await door.get(f"/1/playlist/{mbid}", headers={"Authorization": "Token folk-u0"})
        assert (404, 404) == (other.status_code, other.json()["code"])

    assert ["weekly-exploration", "weekly-jams", "daily-jams"] == patches
    assert 3 == listed["playlist_count"]
    heard = {f"jazz{n:02}" for n in range(20)}
    history = (await door.get("/v1/users/jazz-u0/listens")).json()["listens"]
    heard &= {one["track_id"] for one in history}
    titles = {f"Jazz Song {int(one[4:])}" for one in heard}
    assert tracks["weekly-jams"]
    assert {one["title"] for one in tracks["weekly-jams"]} <= titles
    assert not {one["title"] for one in tracks["weekly-exploration"]} & titles
    one = tracks["weekly-jams"][0]
    assert one["identifier"][0].startswith("https://musicbrainz.org/recording/")
    assert 200_000 == one["duration"]
    assert "Cannot find playlist" in (await door.get("/1/playlist/nope")).json()["error"]


def test_a_week_begins_on_monday_and_a_day_at_midnight() -> None:
    weekly, jams, daily = issues_of("u", WEDNESDAY)
    again = issues_of("u", datetime(2026, 3, 8, 23, tzinfo=UTC))
    monday = issues_of("u", datetime(2026, 3, 9, tzinfo=UTC))

    assert ("2026-03-02", "2026-03-04") == (f"{weekly.since:%F}", f"{daily.since:%F}")
    assert [weekly.id, jams.id] == [one.id for one in again[:2]]
    assert not {weekly.id, jams.id, daily.id} & {one.id for one in monday}
    assert weekly.id != issues_of("v", WEDNESDAY)[0].id


async def test_statistics_count_plays(door) -> None:
    stats = "/1/stats/user/jazz-u0"
    artists = (await door.get(f"{stats}/artists?range=month&count=3")).json()["payload"]
    recordings = (await door.get(f"{stats}/recordings")).json()["payload"]
    activity = (await door.get(f"{stats}/listening-activity")).json()["payload"]

    counts = [one["listen_count"] for one in artists["artists"]]
    assert (3, "month", "jazz-u0") == (artists["count"], artists["range"], artists["user_id"])
    assert counts == sorted(counts, reverse=True)
    assert 12 == sum(one["listen_count"] for one in recordings["recordings"])
    assert 12 == recordings["total_recording_count"]
    assert [12] == [one["listen_count"] for one in activity["listening_activity"]]
    for wrong in (f"{stats}/artists?range=decade", f"{stats}/nonsense", f"{stats}/artists?count=x"):
        assert 400 == (await door.get(wrong)).status_code


@pytest.mark.parametrize(
    "what, one", [("releases", "release"), ("release-groups", "release_group")]
)
async def test_albums_are_counted_as_releases_and_as_groups(door, what: str, one: str) -> None:
    listen = {"artist_name": "Somebody", "track_name": "Song", "release_name": "An Album"}
    alone = {"artist_name": "Somebody", "track_name": "Alone"}
    names = [listen, listen | {"track_name": "Other"}, alone]
    payload = [{"listened_at": NOW - n, "track_metadata": one} for n, one in enumerate(names, 60)]
    await door.post("/1/submit-listens", json={"listen_type": "import", "payload": payload})
    page = (await door.get(f"/1/stats/user/jazz-u0/{what}?range=week")).json()["payload"]

    assert 1 == page[f"total_{one}_count"]
    assert [("An Album", "Somebody", 2)] == [
        (entry[f"{one}_name"], entry["artist_name"], entry["listen_count"])
        for entry in page[what.replace("-", "_")]
    ]


async def test_who_listens_alike(door) -> None:
    users = (await door.get("/1/user/jazz-u0/similar-users")).json()["payload"]

    assert users
    assert {"user_name", "similarity"} == users[0].keys()
    assert {"jazz"} == {one["user_name"].partition("-")[0] for one in users}


async def test_names_are_looked_up(door) -> None:
    path = "/1/metadata/lookup"
    found = await door.get(f"{path}?artist_name=jazz%20artist%203&recording_name=JAZZ%20SONG%203")
    none = await door.get(f"{path}?artist_name=nobody&recording_name=nothing")
    love = {"recording_mbid": found.json()["recording_mbid"], "score": 1}

    assert "Jazz Song 3" == found.json()["recording_name"]
    assert (200, {}) == (none.status_code, none.json())
    assert 200 == (await door.post("/1/feedback/recording-feedback", json=love)).status_code
    assert 400 == (await door.get(path)).status_code


async def test_an_importer_is_told_how_far_it_came(door) -> None:
    path = "/1/latest-import"
    first = await door.get(f"{path}?user_name=jazz-u0")
    for ts in (70, 50):
        said = await door.post(path, json={"ts": ts, "service": "lastfm"})
        assert (200, {"status": "ok"}) == (said.status_code, said.json())

    assert ("jazz-u0", 0) == (first.json()["musicbrainz_id"], first.json()["latest_import"])
    assert 70 == (await door.get(path)).json()["latest_import"]
    assert 403 == (await door.get(f"{path}?user_name=folk-u0")).status_code
    for wrong in ({"ts": "x"}, {"ts": -1}, {}, {"ts": 1, "service": "myspace"}):
        assert 400 == (await door.post(path, json=wrong)).status_code


@pytest.mark.parametrize("rating, kept", [("love", True), ("bad_recommendation", False)])
async def test_a_recommendation_is_rated(door, rating, kept) -> None:
    path = "/1/cf/recommendation/user/jazz-u0/recording"
    mbid = (await door.get(path)).json()["payload"]["mbids"][0]["recording_mbid"]
    said = {"recording_mbid": mbid, "rating": rating}
    answer = await door.post("/1/recommendation/feedback/submit", json=said)
    given = (await door.get("/1/feedback/user/jazz-u0/get-feedback")).json()["feedback"]

    assert 200 == answer.status_code
    assert [(mbid, 1 if kept else -1)] == [(one["recording_mbid"], one["score"]) for one in given]
    wrong = said | {"rating": "meh"}
    assert 400 == (await door.post("/1/recommendation/feedback/submit", json=wrong)).status_code


async def test_what_is_blocked_is_not_recommended_until_it_lapses(door) -> None:
    path = "/1/cf/recommendation/user/jazz-u0/recording"

    async def listed() -> list[str]:
        page = (await door.get(path)).json()["payload"]["mbids"]
        return [one["recording_mbid"] for one in page]

    first, second, *_ = await listed()
    later, block = int(datetime.now(UTC).timestamp()) + 3_600, "/1/do-not-recommend"
    for mbid, until in ((first, later), (second, 1)):
        said = {"entity": "recording", "entity_mbid": mbid, "until": until}
        assert 200 == (await door.post(f"{block}/add", json=said)).status_code
    then = await listed()
    page = (await door.get(f"{block}/user/jazz-u0")).json()
    undo = {"entity": "recording", "entity_mbid": first}
    assert 200 == (await door.post(f"{block}/remove", json=undo)).status_code

    assert first not in then
    assert second in then  # its block was over before it began
    assert [(first, later)] == [(one["entity_mbid"], one["until"]) for one in page["results"]]
    assert first in await listed()
    for wrong in (
        {"entity": "song", "entity_mbid": first},
        {"entity": "recording", "entity_mbid": "x"},
        {"entity": "release", "entity_mbid": first},
        {**undo, "until": "x"},
        {**undo, "more": 1},
    ):
        assert 400 == (await door.post(f"{block}/add", json=wrong)).status_code, wrong


async def test_an_artist_is_blocked_by_an_id_that_a_listen_told(door) -> None:
    mbid, names = "6b3f5f6e-8a3a-4b52-9f8c-0d6f0f0a1a11", {"artist_name": "JAZZ Artist 3"}
    listen = {"track_name": "Jazz Song 3", "additional_info": {"artist_mbids": [mbid]}} | names
    payload = [{"listened_at": 1_700_000_000, "track_metadata": listen}]
    await door.post("/1/submit-listens", json={"listen_type": "single", "payload": payload})
    said = {"entity": "artist", "entity_mbid": mbid}
    answer = await door.post("/1/do-not-recommend/add", json=said)
    page = (await door.get("/v1/users/jazz-u0/recommendations?limit=100")).json()

    assert 200 == answer.status_code
    assert "Jazz Artist 3" not in {one["track"]["artist"] for one in page["recommendations"]}
    assert (
        404
        == (
            await door.post("/1/do-not-recommend/add", json=said | {"entity_mbid": mbid[:-1] + "2"})
        ).status_code
    )
