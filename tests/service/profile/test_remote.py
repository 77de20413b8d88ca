"""Profiles that are a service: the same profiles, and made here while it does not answer."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest
from structlog.testing import capture_logs

from service import breaker
from service.cache.revs import Revs
from service.cache.two_level import TwoLevel
from service.errors import PeerUnavailable, UnknownUser
from service.learn.profiles import Profiles
from service.profile.remote import ProfileReply, RemoteProfiles
from tests.servers import HOST, free_port
from tests.service.given import listen, track
from tests.service.learn.test_profiles import Desk
from tests.service.peer import Answer, Service


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    with capture_logs():
        yield


@asynccontextmanager
async def desk_and_service(
    answered: Answer | None = None, *, timeout_s: float = 5.0
) -> AsyncIterator[tuple[Desk, Profiles, RemoteProfiles, Service]]:
    """A desk that makes profiles, and one beside it that asks a service for the same."""
    desk = Desk()
    await desk.ingest.take([listen("a"), listen("b", minutes=-1)])

    async def reply(user_id: str) -> ProfileReply:
        try:
            profile = await desk.accounts.profile(user_id)
        except UnknownUser:
            profile = None
        return ProfileReply(desk.current.catalogue.edition, profile)

    def answer(question: Any) -> tuple[int, bytes]:
        return 200, msgspec.json.encode(anyio.run(reply, question["user_id"]))

    with Service(answered or answer) as service:
        remote = RemoteProfiles(service.url, timeout_s=timeout_s)
        cache = TwoLevel(1 << 20, Revs())
        yield desk, Profiles(desk.accounts, desk.current, cache, remote=remote), remote, service
        remote.close()


async def test_a_profile_has_the_same_bytes_wherever_it_is_made() -> None:
    async with desk_and_service() as (desk, profiles, remote, service):
        assert await desk.profiles.encoded("u1") == await profiles.encoded("u1")
        assert [("/v1/profiles", {"user_id": "u1"})] == service.asked
        assert await desk.accounts.profile("u1") == await remote.profile(
            "u1", desk.current.catalogue
        )


async def test_whom_the_service_does_not_know_nobody_knows() -> None:
    async with desk_and_service() as (_, profiles, _, service):
        with pytest.raises(UnknownUser):
            await profiles.encoded("nobody")
        assert 1 == len(service.asked)


@pytest.mark.parametrize(
    "status, body",
    [
        (500, b"{}"),
        (404, b'{"edition": 0, "profile": null}'),
        (200, b""),
        (200, b"[" * 100_000),
        (200, b'{"edition": -1, "profile": null}'),
        (200, b'{"edition": 1, "profile": {"user_id": "u1"}}'),
    ],
)
async def test_an_answer_that_is_none_is_made_here_instead(status: int, body: bytes) -> None:
    async with desk_and_service(lambda _: (status, body)) as (desk, profiles, remote, service):
        assert await desk.profiles.encoded("u1") == await profiles.encoded("u1")
        assert service.asked
        with pytest.raises(PeerUnavailable, match="profiles gave no answer"):
            await remote.profile("u1", desk.current.catalogue)


async def test_the_profile_of_somebody_else_is_not_passed_on() -> None:
    desk = Desk()
    await desk.ingest.take([listen("a")])
    other = ProfileReply(desk.current.catalogue.edition, await desk.accounts.profile("u1"))

    async with desk_and_service(lambda _: (200, msgspec.json.encode(other))) as found:
        _, _, remote, _ = found
        with pytest.raises(PeerUnavailable):
            await remote.profile("u2", desk.current.catalogue)


async def test_a_profile_by_another_edition_of_the_catalogue_is_made_here() -> None:
    async with desk_and_service() as (desk, profiles, _, service):
        old = desk.current.catalogue.edition
        reply = ProfileReply(old, await desk.accounts.profile("u1"))
        desk.current.add_tracks([track("a", artist="Bea")])

        async with desk_and_service(lambda _: (200, msgspec.json.encode(reply))) as late:
            remote = late[2]
            with pytest.raises(PeerUnavailable, match="edition"):
                await remote.profile("u1", desk.current.catalogue)
        assert b"Bea" in await profiles.encoded("u1")
        assert service.asked


async def test_a_service_that_is_late_is_not_waited_for() -> None:
    def late(_: object) -> tuple[int, bytes]:
        anyio.run(anyio.sleep, 1)
        return 500, b""

    async with desk_and_service(late, timeout_s=0.02) as (desk, _, remote, _):
        with pytest.raises(PeerUnavailable), anyio.fail_after(0.9):
            await remote.profile("u1", desk.current.catalogue)


async def test_a_service_that_is_down_is_left_alone_after_five_failures(monkeypatch) -> None:
    monkeypatch.setattr(breaker, "PAUSE_S", 3600)
    remote, desk, texts = RemoteProfiles(f"http://{HOST}:{free_port()}", timeout_s=5), Desk(), []
    for _ in range(breaker.FAILURES + 1):
        with pytest.raises(PeerUnavailable) as raised:
            await remote.profile("u1", desk.current.catalogue)
        texts.append(str(raised.value))

    assert [*["profiles gave no answer"] * 5, "profiles has not answered lately"] == texts
