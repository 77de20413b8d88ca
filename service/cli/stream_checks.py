"""Whether events are worked on: nobody far behind, nothing set aside."""

from service.bus import Lag
from service.cli.check import Check
from service.errors import EchoTuneError
from service.settings import Settings

NAME = "stream"
MOST_BEHIND_S = 60.0


async def check_stream(settings: Settings) -> list[Check]:
    """What is so; nothing where events live in the server's own process, or nobody answers.

    A Redis that does not answer is what `check_redis` says.
    """
    if settings.events_redis_url is None:
        return []
    from service.adapters import open_stream

    try:
        stream = open_stream(settings)
        try:
            lags, dead = await stream.lags(), await stream.dead()
        finally:
            await stream.close()
    except EchoTuneError:
        return []
    checks = [_behind(group, lag) for group, lag in lags.items() if lag.oldest_s > MOST_BEHIND_S]
    if dead:
        many = "100 or more" if len(dead) >= 100 else str(len(dead))
        text = f"events set aside: {many}, the last by {dead[0].group}: {dead[0].reason}"
        next_ = "echotune events dead; once the cause is gone: echotune events replay PLACE"
        checks.append(Check(NAME, "warn", text, next_))
    if not checks:
        names = ", ".join(lags) or "nobody yet"
        checks.append(Check(NAME, "ok", f"no event waits long; read by {names}"))
    return checks


def _behind(group: str, lag: Lag) -> Check:
    text = (
        f"{group} is {lag.oldest_s:,.0f} s behind: of its events {lag.waiting:,} wait"
        f" and {lag.owned:,} are being worked on"
    )
    return Check(
        NAME, "warn", text, "look whether its process runs; docs/events.md if it never will"
    )
