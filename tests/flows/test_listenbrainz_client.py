"""The real client of ListenBrainz, unmodified, talks to a real server."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.serving import Service, fill

CLIENT = Path(__file__).with_name("listenbrainz_client.py")
NOW = int(time.time())


@pytest.fixture(scope="module")
def service(tmp_path_factory, kernels: Path) -> Iterator[Service]:
    """A server that answers this machine alone: a token is the name of its user."""
    data: Path = tmp_path_factory.mktemp("listenbrainz") / "data"
    data.mkdir()
    (data / "kernels").symlink_to(kernels)
    running = Service(data)
    running.start()
    try:
        fill(running)
        yield running
    finally:
        running.stop()


def ask(service: Service, user: str, *calls: list) -> list:
    ran = subprocess.run(
        [sys.executable, str(CLIENT), service.url, user],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert 0 == ran.returncode, ran.stderr
    return json.loads(ran.stdout)


def jazz(number: int, *, ago_s: int = 60) -> dict:
    """A listen to a track of the small world, by its names alone."""
    names = {"track_name": f"Jazz Song {number}", "artist_name": f"Jazz Artist {number % 10}"}
    return names | {"listened_at": NOW - ago_s}


def test_a_listen_changes_what_is_recommended(service: Service) -> None:
    """Nothing before the first model; then what a listener plays decides what they get next."""
    recommend = ["get_user_recommendation_recordings", "newcomer"]
    (before,) = ask(service, "newcomer", recommend)
    fit(service)
    (unknown,) = ask(service, "newcomer", recommend)
    submitted = [jazz(number, ago_s=60 * number) for number in range(1, 6)]
    answers = ask(
        service,
        "newcomer",
        ["submit_single_listen", jazz(0)],
        ["submit_multiple_listens", submitted],
        recommend,
        ["get_user_listen_count", "newcomer"],
        ["get_user_artists", "newcomer", 3],
    )

    assert before is None
    assert [{"status": "ok"}] * 2 == answers[:2]
    first = [one["recording_mbid"] for one in unknown["payload"]["mbids"]]
    then = [one["recording_mbid"] for one in answers[2]["payload"]["mbids"]]
    assert first != then
    assert 6 == answers[3]
    artists = answers[4]["payload"]["artists"]
    assert [("Jazz Artist", 1)] * 3 == [
        (one["artist_name"].rpartition(" ")[0], one["listen_count"]) for one in artists
    ]
    own = service.get("/v1/users/newcomer/recommendations", limit=5)
    assert {"Jazz"} == {one["track"]["title"].split()[0] for one in own["recommendations"]}
    liked = ["submit_user_feedback", 1, then[0]]
    hated = ["submit_user_feedback", -1, then[1]]
    said = ask(service, "newcomer", liked, hated, ["get_user_feedback", "newcomer", None, True])
    assert [{"status": "ok"}] * 2 == said[:2]
    assert {(then[0], 1), (then[1], -1)} == {
        (one["recording_mbid"], one["score"]) for one in said[2]["feedback"]
    }
    (last,) = ask(service, "newcomer", recommend)
    assert not {then[0], then[1]} & {one["recording_mbid"] for one in last["payload"]["mbids"]}


def test_what_was_played_is_read_again(service: Service) -> None:
    playing = {"track_name": "Metal Song 3", "artist_name": "Metal Artist 3"}
    unheard = {"track_name": "Nobody Knows It", "artist_name": "A New Name"}
    batch = [jazz(7), unheard | {"listened_at": NOW - 5}]
    answers = ask(
        service,
        "reader",
        ["submit_playing_now", playing],
        ["get_playing_now", "reader"],
        ["submit_multiple_listens", batch],
        ["submit_multiple_listens", batch],
        ["get_listens", "reader"],
        ["get_user_listen_count", "reader"],
        ["get_listens", "somebody-else"],
    )

    assert "ok" == answers[0]["status"]
    assert "Metal Song 3" == answers[1]["track_name"]
    assert ["Nobody Knows It", "Jazz Song 7"] == [one["track_name"] for one in answers[4]]
    assert 2 == answers[5]
    assert ("ListenBrainzAPIException", 403) == (answers[6]["raised"], answers[6]["status_code"])


def fit(service: Service) -> None:
    job_id = service.post("/v1/models", None).json()["job_id"]
    until = time.monotonic() + 60
    while (job := service.get(f"/v1/jobs/{job_id}"))["status"] != "done":
        assert job["status"] in ("queued", "running"), job
        assert time.monotonic() < until
        time.sleep(0.05)
