"""Whether both Redis are what they have to be: one may forget whatever it likes, one nothing."""

from typing import TYPE_CHECKING

from service.cli.check import Check, State
from service.errors import EchoTuneError
from service.settings import Settings

if TYPE_CHECKING:
    from service.cache.inspection import RedisSetup

Wrong = list[tuple[State, str, str]]
"""How bad, what is so, what to do."""


async def check_redis(settings: Settings) -> list[Check]:
    """A line for each Redis the settings name, and one when they are the same."""
    checks, run_ids = [], []
    for name, url, judge in (
        ("cache", settings.redis_url, _judge_cache),
        ("events", settings.events_redis_url, _judge_events),
    ):
        if url is None:
            continue
        setup = await _ask(name, url)
        if isinstance(setup, Check):
            checks.append(setup)
        else:
            checks.append(_verdict(name, setup, judge(setup)))
            run_ids.append(setup.run_id)
    if len(run_ids) == 2 and len(set(run_ids)) == 1:
        text = "cache and events are one Redis: what it evicts can be the other's"
        next_ = "give ECHOTUNE_EVENTS_REDIS_URL a Redis of its own"
        checks.append(Check("redis", "warn", text, next_))
    return checks


async def _ask(name: str, url: str) -> "RedisSetup | Check":
    from service.cache.inspection import inspect
    from service.cache.protocol import SharedUnavailable

    variable = "ECHOTUNE_REDIS_URL" if name == "cache" else "ECHOTUNE_EVENTS_REDIS_URL"
    try:
        return await inspect(url)
    except EchoTuneError:
        text = "the address is none"
        return Check(name, "fail", text, f"write {variable} as redis://, rediss:// or unix://")
    except SharedUnavailable as error:
        text = f"Redis does not answer: {error}"
        return Check(name, "fail", text, f"check {variable}, its password, and that it runs")


def _judge_cache(setup: "RedisSetup") -> Wrong:
    wrong: Wrong = []
    if not setup.policy.startswith("allkeys-"):
        text = f"maxmemory-policy is {setup.policy}: once full, nothing new is kept"
        wrong.append(("warn", text, "CONFIG SET maxmemory-policy allkeys-lfu"))
    if not setup.limit_bytes:
        text = "maxmemory is not set: it grows until the machine is full"
        wrong.append(("warn", text, "CONFIG SET maxmemory 1gb, or what there is"))
    return wrong


def _judge_events(setup: "RedisSetup") -> Wrong:
    wrong: Wrong = []
    if setup.policy != "noeviction":
        text = f"maxmemory-policy is {setup.policy}: jobs and events can be evicted"
        wrong.append(("fail", text, "CONFIG SET maxmemory-policy noeviction"))
    if not setup.appends:
        text = "appendonly is off: a restart forgets every job and event"
        wrong.append(("fail", text, "CONFIG SET appendonly yes"))
    if setup.fsync is None:
        text = "appendfsync cannot be read: it should be always"
        wrong.append(("warn", text, "ask whoever runs it"))
    elif setup.fsync != "always":
        text = (
            f"appendfsync is {setup.fsync}: a power cut can take the last jobs and events with it"
        )
        wrong.append(("warn", text, "CONFIG SET appendfsync always"))
    return wrong


def _verdict(name: str, setup: "RedisSetup", wrong: Wrong) -> Check:
    answers = f"{setup.version} answers"
    if not wrong:
        return Check(name, "ok", f"{answers}, {setup.policy}")
    state: State = "fail" if any(how == "fail" for how, _, _ in wrong) else "warn"
    texts, steps = [text for _, text, _ in wrong], [step for _, _, step in wrong]
    keep = "; then write it into its configuration file" if "CONFIG" in "".join(steps) else ""
    return Check(name, state, f"{answers}; " + "; ".join(texts), "; ".join(steps) + keep)
