"""echotune doctor: what an operator would have to find out one by one."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import rich_click as click
from click.exceptions import Exit
from rich.console import Console

from service.access.keys import FIRST_KEY
from service.api_key import ApiKey
from service.cli.check import Check
from service.cli.kernels import MARK, digest
from service.cli.redis_checks import check_redis
from service.cli.stream_checks import check_stream
from service.cli.token_checks import check_tokens
from service.errors import EchoTuneError
from service.settings import LOOPBACK, Settings

LEAST_FREE_BYTES = 1 << 30
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(*, as_json: bool) -> None:
    """Check settings, data folder, store, Redis, model and kernels; exit code 1 when one fails.

    Changes nothing but what every start makes: an empty store and its indexes.

    Example: ECHOTUNE_MONGO_URL=mongodb://db/echotune echotune doctor
    """
    checks = list(examine(os.environ))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(checks)).decode())
    else:
        console = Console(highlight=False, soft_wrap=True)
        for one in checks:
            colour = COLOURS[one.state]
            console.print(f"[{colour}]{one.state:4}[/] {one.name:8} ", end="")
            console.print(one.text + (f"; {one.next}" if one.next else ""), markup=False)
    if any(one.state == "fail" for one in checks):
        raise Exit(1)


def examine(env: "os._Environ[str] | dict[str, str]") -> Iterator[Check]:
    """Every check that can be made; nothing after the settings when those are wrong."""
    try:
        settings = Settings.from_env(env)
    except EchoTuneError as error:
        yield Check("settings", "fail", str(error), "correct the environment variable")
        return
    yield Check("settings", "ok", "every ECHOTUNE_* variable is understood")
    folder = _folder(settings)
    yield folder
    yield _kernels(settings)
    if folder.state != "fail" or settings.mongo_url is not None:
        yield from asyncio.run(_store(settings))
    yield from asyncio.run(check_redis(settings))
    yield from asyncio.run(check_stream(settings))
    yield _door(settings)
    yield asyncio.run(check_tokens(settings))


def _folder(settings: Settings) -> Check:
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / ".doctor.tmp"
        probe.write_bytes(b"")
        probe.unlink()
        free = shutil.disk_usage(home).free
    except OSError as error:
        text = f"{home} cannot be written: {error.strerror}"
        return Check("folder", "fail", text, "set ECHOTUNE_DATA_DIR to a folder that can")
    text = f"{home} can be written, {free / 2**30:.1f} GiB are free"
    if free < LEAST_FREE_BYTES:
        return Check("folder", "warn", text, "make room: models and listens need some")
    return Check("folder", "ok", text)


def _kernels(settings: Settings) -> Check:
    if (settings.home / "kernels" / digest() / MARK).exists():
        return Check("kernels", "ok", "compiled for this machine and release")
    return Check("kernels", "warn", "not compiled yet", "the next start does it in half a minute")


async def _store(settings: Settings) -> list[Check]:
    from service.adapters import open_store

    kind = "SQLite" if settings.mongo_url is None else "MongoDB"
    help_ = (
        "check ECHOTUNE_MONGO_URL and that the server runs"
        if settings.mongo_url
        else ("check ECHOTUNE_DATA_DIR")
    )
    try:
        store = await open_store(settings)
        try:
            await store.ping()
            counts, wrong = await store.counts(), await store.unindexed()
            weak = await store.weaknesses()
            track_ids = [track.id for track in await store.tracks()]
            told = await store.models.current() if store.models else None
            keys = await store.keys() if settings.guarded else None
        finally:
            await store.close()
    except EchoTuneError as error:
        return [Check("store", "fail", str(error), help_)]
    held = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    checks = [Check("store", "ok", f"{kind} answers: {held}")]
    if weak:
        next_ = "EchoTune runs; what is lost with that disk is lost"
        checks.append(Check("durable", "warn", "; ".join(weak), next_))
    else:
        checks.append(Check("durable", "ok", "what is answered 202 is on disk"))
    if wrong:
        next_ = "make the index again: a start does, once whatever took its name is gone"
        checks.append(Check("indexes", "fail", "; ".join(wrong), next_))
    else:
        checks.append(Check("indexes", "ok", "no request reads a whole collection"))
    if keys is not None:
        checks.append(_keys(keys))
    return [*checks, _model(settings, track_ids, told)]


def _model(settings: Settings, track_ids: list[str], told: str | None) -> Check:
    from service.model import files

    folder = settings.home / "models"
    kept = [manifest.version for manifest in files.versions(folder)]
    version = told or files.current(folder) or (kept[-1] if kept else None)
    if told is not None and not files.holds(folder, told):
        return Check("model", "ok", f"{told} is published: the next start downloads it")
    if version is None:
        return Check("model", "warn", "none is fitted yet", "import listens, then: echotune train")
    try:
        model = files.load(folder, version, track_ids)
    except EchoTuneError as error:
        return Check("model", "fail", str(error), "fit again: echotune train")
    return Check("model", "ok", f"{version} loads: {model.tracks:,} tracks")


def _door(settings: Settings) -> Check:
    where = f"serves on {settings.host}"
    if settings.guarded:
        return Check("door", "ok", f"{where} and asks for a key")
    if settings.host in LOOPBACK:
        text = f"{where}: nobody else can connect, and nobody is asked for a key"
        return Check("door", "ok", text, "ECHOTUNE_ACCESS=on asks")
    return Check(
        "door",
        "warn",
        f"{where} and ECHOTUNE_ACCESS is off: whoever connects may do all",
        "leave it at auto, or keep the service behind a proxy that checks who calls",
    )


def _keys(keys: list[ApiKey]) -> Check:
    """Only where they are asked for."""
    now = datetime.now(UTC)
    good = sum(key.holds(now) for key in keys)
    if not good:
        return Check("keys", "warn", "there is none, so nobody is let in", FIRST_KEY)
    return Check("keys", "ok", f"{good} of {len(keys)} hold")
