"""Who may submit: md5 of tokens, as this protocol wants it, and sessions that are signed names.

It is weak by design: whoever reads a handshake can guess at the token, and sessions do not end.
So nothing of this exists unless the operator turns the protocol on, and of a token only its md5.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import blake2b, md5, sha256

import msgspec

from service.domain import UserId
from service.doors.listenbrainz.tokens import read_users
from service.settings import Settings

CLOCKS_APART_S = 86_400
"""A handshake older or younger than that could be somebody else's, sent again."""
TIME = re.compile(r"[0-9]{1,12}")
SIGNED = 32  # hex digits
SESSION = re.compile(r"([0-9a-f]{32})((?:[0-9a-f]{2}){1,64})")


class Sessions:
    """Opens and reads sessions.

    Without tokens anybody may be whoever they say with their name as the token (`alone`: no other
    machine can ask), or nobody may be anybody.
    """

    def __init__(self, tokens: Mapping[str, str], *, alone: bool) -> None:
        self._digests: dict[str, list[str]] = {}  # of each user
        for token, user in tokens.items():
            self._digests.setdefault(user, []).append(_md5(token))
        self._alone = alone
        known = sorted((user, *digests) for user, digests in self._digests.items())
        self._key = blake2b(repr(known).encode(), digest_size=32).digest()

    def open(self, user: str, at: str, auth: str) -> str | None:
        """A session for `auth`, which is md5(md5(token) + at); None where it is not."""
        digests = [_md5(user)] if self._alone else self._digests.get(user, [])
        good = False
        for digest in digests:
            good |= hmac.compare_digest(_md5(digest + at).encode(), auth.lower().encode())
        return self._signed(user) if good and _is_user(user) else None

    def user(self, session: str) -> str | None:
        """Whose session it is."""
        found = SESSION.fullmatch(session)
        if found is None:
            return None
        try:
            user = bytes.fromhex(found[2]).decode()
        except UnicodeDecodeError:
            return None
        known = self._alone or user in self._digests
        return user if known and hmac.compare_digest(self._signed(user), session) else None

    def _signed(self, user: str) -> str:
        signature = hmac.new(self._key, user.encode(), sha256).hexdigest()[:SIGNED]
        return signature + user.encode().hex()


def is_timely(at: str, now_s: float) -> bool:
    """Whether the client's clock is near enough to ours."""
    return TIME.fullmatch(at) is not None and abs(int(at) - now_s) <= CLOCKS_APART_S


def sessions_of(settings: Settings) -> Sessions:
    """What the settings say.

    Raises:
        Invalid: the file of tokens cannot be read.
    """
    path = settings.listenbrainz_tokens
    if path is None:
        return Sessions({}, alone=settings.trusting)
    return Sessions(read_users(path), alone=False)


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _is_user(user: str) -> bool:
    try:
        msgspec.convert(user, UserId)
    except msgspec.ValidationError:
        return False
    return True
