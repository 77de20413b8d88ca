"""echotune keys: who may call what."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, get_args

import msgspec
import rich_click as click

from service.access.keys import make_key
from service.api_key import SCOPES, ApiKey, Scope
from service.cli.storing import with_store
from service.errors import Invalid

if TYPE_CHECKING:
    from service.store import Store

Answer = TypeVar("Answer")
LISTENER: tuple[Scope, ...] = ("recs:read", "events:write", "users:write")
ADMIN = "admin:*"
DAY = timedelta(days=1)


@click.group()
def keys() -> None:
    """Keys for those who call, where they have to say who they are (ECHOTUNE_ACCESS).

    \b
    echotune keys create "the web shop"
    echotune keys create "phone of u1" --user u1
    echotune keys create operators --scope admin:*

    Running servers, all of them, know of it two seconds later.
    """  # noqa: D301 - \b keeps the lines of the example apart


@keys.command()
@click.argument("label")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([*(one for one in SCOPES if one != "public"), ADMIN]),
    help=f"What it may do; may be given more than once [{', '.join(LISTENER)}].",
)
@click.option("--user", "user_id", help="The one user it is for; it opens nothing of others.")
@click.option("--rate", type=float, default=100.0, show_default=True, help="Requests a second.")
@click.option("--burst", type=float, default=200.0, show_default=True, help="Requests at once.")
@click.option("--days", type=click.IntRange(1), help="How long it holds; else until revoked.")
def create(
    *,
    label: str,
    scopes: tuple[str, ...],
    user_id: str | None,
    rate: float,
    burst: float,
    days: int | None,
) -> None:
    """Make a key and print it: this once, since only its digest is kept."""
    now = datetime.now(UTC)
    key, token = make_key(
        label,
        _meant(scopes) or LISTENER,
        now=now,
        user_id=user_id,
        per_s=rate,
        burst=burst,
        expires_at=now + days * DAY if days else None,
    )
    with_store(lambda store: store.put_key(key))
    _say_once(token)


@keys.command("list")
def list_() -> None:
    """The keys there are, one a line, without what opens anything."""
    for key in with_store(lambda store: store.keys()):
        fields = msgspec.to_builtins(key)
        del fields["digest"]
        click.echo(msgspec.json.encode(fields))


@keys.command()
@click.argument("key_id")
def revoke(*, key_id: str) -> None:
    """Have a key open nothing any more; takes its id, which is its middle part."""
    key = _find(key_id)
    if key.revoked_at is None:
        revoked = msgspec.structs.replace(key, revoked_at=datetime.now(UTC))
        with_store(lambda store: store.put_key(revoked))
    click.echo(f"{key.id} ({key.label}) opens nothing any more", err=True)


@keys.command()
@click.argument("key_id")
@click.option(
    "--grace",
    type=click.IntRange(0),
    default=24,
    show_default=True,
    help="Hours for which the old one still holds; 0: it is over at once.",
)
def rotate(*, key_id: str, grace: int) -> None:
    """Make another key like this one; the old one holds until everybody has the new one."""
    old, now = _find(key_id), datetime.now(UTC)
    if not old.holds(now):
        raise Invalid(f"{old.id} is revoked or over: make a new key")
    key, token = make_key(
        old.label,
        old.scopes,
        now=now,
        user_id=old.user_id,
        per_s=old.per_s,
        burst=old.burst,
        expires_at=old.expires_at,
    )
    over = now + timedelta(hours=grace)
    ending = msgspec.structs.replace(old, expires_at=min(over, old.expires_at or over))

    async def both(store: "Store") -> None:
        await store.put_key(key)  # first: whatever happens next, one of them holds
        await store.put_key(ending)

    with_store(both)
    _say_once(token)


def _meant(scopes: tuple[str, ...]) -> tuple[Scope, ...]:
    """In the order of `Scope`, each once."""
    named = {one for one in get_args(Scope) if ADMIN in scopes and one.startswith("admin:")}
    return tuple(one for one in SCOPES if one in named or one in scopes)


def _say_once(token: str) -> None:
    click.echo(token)
    click.echo("this is shown once: send it as `Authorization: Bearer …`", err=True)


def _find(key_id: str) -> ApiKey:
    found = [key for key in with_store(lambda store: store.keys()) if key.id == key_id]
    if not found:
        raise Invalid("no key has this id: echotune keys list")
    return found[0]
