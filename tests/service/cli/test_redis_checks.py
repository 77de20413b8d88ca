"""The doctor on real servers: a cache that cannot evict, jobs that can be, one Redis for both."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.cli.check import Check
from service.cli.redis_checks import check_redis
from service.settings import Settings
from tests import servers

CACHE = ("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
EVENTS = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="module")
def urls(tmp_path_factory) -> Iterator[dict[str, str]]:
    """A Redis for the cache, one for events, and one as it comes."""
    with ExitStack() as stack:

        def start(name: str, *options: str) -> str:
            folder: Path = tmp_path_factory.mktemp(name)
            try:
                server = servers.valkey(folder, *options)
            except servers.NotInstalled as missing:
                pytest.skip(str(missing))
            return stack.enter_context(server).url

        yield {
            "cache": start("cache", *CACHE),
            "events": start("events", *EVENTS),
            "plain": start("plain"),
            "lazy": start("lazy", "--appendonly", "yes", "--rename-command", "CONFIG", ""),
        }


def looked(cache: str | None, events: str | None) -> dict[str, Check]:
    settings = Settings(redis_url=cache, events_redis_url=events)
    return {one.name: one for one in asyncio.run(check_redis(settings))}


def test_both_as_they_should_be(urls) -> None:
    found = looked(urls["cache"], urls["events"])

    assert {"cache": "ok", "events": "ok"} == {name: one.state for name, one in found.items()}
    assert found["cache"].text.startswith("Valkey ")


def test_nothing_is_asked_when_nothing_is_named() -> None:
    assert {} == looked(None, None)


def test_a_redis_as_it_comes_will_do_for_neither(urls) -> None:
    found = looked(urls["plain"], urls["plain"])

    assert ("warn", "fail", "warn") == tuple(
        found[name].state for name in ("cache", "events", "redis")
    )
    assert "noeviction: once full, nothing new is kept" in found["cache"].text
    assert "maxmemory is not set" in found["cache"].text
    assert "CONFIG SET maxmemory-policy allkeys-lfu" in found["cache"].next
    assert "appendonly is off" in found["events"].text
    assert "appendfsync is everysec" in found["events"].text
    assert "one Redis" in found["redis"].text


def test_jobs_beside_a_cache_can_be_evicted(urls) -> None:
    found = looked(None, urls["cache"])

    assert "fail" == found["events"].state
    assert "maxmemory-policy is allkeys-lfu: jobs and events can be evicted" in found["events"].text


def test_a_redis_that_hides_its_configuration_is_a_warning(urls) -> None:
    found = looked(None, urls["lazy"])

    assert ("warn", True) == (found["events"].state, "cannot be read" in found["events"].text)


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/", "nonsense://:secret@x"])
def test_a_redis_that_is_not_there_fails_and_its_password_is_not_said(url) -> None:
    found = looked(url, url)

    assert {"cache": "fail", "events": "fail"} == {name: one.state for name, one in found.items()}
    assert "secret" not in str(found)
    assert "ECHOTUNE_EVENTS_REDIS_URL" in found["events"].next
