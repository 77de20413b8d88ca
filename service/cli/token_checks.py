"""Whether tokens that somebody else signed are taken, and whether their keys can be read."""

import asyncio
from typing import TYPE_CHECKING

from service.cli.check import Check
from service.errors import Invalid
from service.settings import Settings

if TYPE_CHECKING:
    from service.access.tokens import Tokens

NAME = "tokens"


async def check_tokens(settings: Settings) -> Check:
    """One line: off, or what is believed, and what is missing."""
    named = (settings.jwt_issuer, settings.jwt_audience, settings.jwt_keys)
    if not any(named):
        text = "no issuer is configured: callers have API keys alone"
        return Check(NAME, "ok", text, "docs/tokens.md says how, if you want them")
    from service.access.tokens import tokens_of

    try:
        tokens = tokens_of(settings)
    except Invalid as error:
        return Check(NAME, "fail", str(error), "set what is missing, or none of them")
    if not settings.guarded:
        text = f"{settings.jwt_issuer} is configured, but nobody is asked who they are"
        return Check(NAME, "warn", text, "ECHOTUNE_ACCESS=on asks")
    return await _read(tokens)


async def _read(tokens: "Tokens") -> Check:
    from service.access.jwk_set import signing_keys
    from service.access.jwk_source import UNREAD

    issuer = tokens.issuer
    what = (
        f"{issuer.name} for {issuer.audience}, {', '.join(issuer.algorithms)},"
        f" {issuer.types}, {issuer.life_s} s at most"
    )
    try:
        raw = await asyncio.to_thread(tokens.keys.read)
        keys = signing_keys(raw, issuer.algorithms)
    except UNREAD as error:
        text = f"{what}; its keys cannot be read: {type(error).__name__}: {error}"
        return Check(NAME, "fail", text, "check ECHOTUNE_JWT_KEYS and the way there")
    if not keys:
        text = f"{what}; none of its keys is of use here"
        return Check(NAME, "fail", text, "each needs a kid, and ECHOTUNE_JWT_ALGORITHMS its kind")
    return Check(NAME, "ok", f"{what}; {len({kid for kid, _ in keys})} keys can be read")
