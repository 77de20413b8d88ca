"""What an operator may change, read once at start."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.errors import Invalid

PREFIX = "ECHOTUNE_"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All an operator may change, as ECHOTUNE_<NAME>. Read once; a typo stops the start."""

    data_dir: str = "data"  # SQLite, models and compiled kernels live here
    kernels_dir: str | None = None  # compiled kernels, in an image; None: data_dir
    mongo_url: Annotated[str, Meta(pattern=r"^mongodb(\+srv)?://")] | None = None  # None: SQLite
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    metrics_port: Annotated[int, Meta(ge=1, le=65535)] | None = None  # None: /metrics on `port`
    workers_dir: str | None = None  # `serve --workers` sets it: where they tell each other figures
    local_cache_bytes: Annotated[int, Meta(ge=1 << 20)] = 64 << 20  # compressed: a quarter on top
    redis_url: str | None = None  # the shared cache level; None: this process is alone
    redis_timeout_ms: Annotated[int, Meta(ge=1, le=1_000)] = 10  # then a request goes on without it
    audit_share: Annotated[float, Meta(ge=0, le=1)] = 0.01  # of users: are caches right
    store_timeout_ms: Annotated[int, Meta(ge=1, le=10_000)] = 35  # then a list does without it
    request_timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] = 90  # of a list, at the door
    strategy_timeout_ms: Annotated[int, Meta(ge=1, le=10_000)] = 50
    strategy_services: str | None = None  # content=http://content:8000,…; the rest in this process
    # http://profiles:8000, which makes profiles; None, or while it does not answer: this process.
    profiles_service: Annotated[str, Meta(pattern=r"^https?://")] | None = None
    # Of relevance and exposure: 0 charges nothing, 1 the whole price. 0.25 cost no NDCG on the
    # validation rows of protocol K (.1826 against .1825) and showed 60 % of artists, not 49 %.
    balance: Annotated[float, Meta(ge=0, le=2)] = 0.25
    exposure_evenness: Annotated[float, Meta(ge=0, le=1)] = 0.8  # what prices are fitted for
    exposure_weights: str | None = None  # CSV of track_id,weight; None: as lists do uncharged
    new_artist_floor: Annotated[float, Meta(ge=0, le=10)] = 1.0  # of exposure, times the mean
    # Another Redis, which must never evict: jobs live there. None: in this process, ending with it.
    events_redis_url: str | None = None
    # Of one user, and from one address, by HTTP and per process; 0: no limit. At once ten minutes'
    # and one minute's worth. Behind a proxy everybody comes from its address.
    user_listens_per_minute: Annotated[int, Meta(ge=0, le=100_000_000)] = 1_000
    source_listens_per_minute: Annotated[int, Meta(ge=0, le=100_000_000)] = 3_000_000
    # api: leaves the jobs to workers; profiles, content: are asked for those alone
    role: Literal["all", "api", "worker", "learner", "profiles", "content"] = "all"
    train_every_hours: Annotated[int, Meta(ge=0, le=8_760)] = 24  # 0: only on demand
    keep_listens_days: Annotated[int, Meta(ge=0, le=36_500)] = 0  # then they go; 0: never
    probe_every_s: Annotated[int, Meta(ge=0, le=3_600)] = 30  # how soon lists follow; 0: never
    # A Dask scheduler that has the heavy steps of a fit done; None: this process does them.
    cluster_url: Annotated[str, Meta(pattern=r"^(tcp|tls)://")] | None = None
    # JSON file {"token": "user id"} for players that speak ListenBrainz. None: on loopback a token
    # is the name of its user, elsewhere nobody has one.
    listenbrainz_tokens: str | None = None
    audioscrobbler: Literal["on", "off"] = "off"  # protocol 1.2, with md5 of these tokens: weak
    # Lines of client_id:client_secret. None: any pair, while `host` is this machine's alone.
    spotify_credentials: str | None = None
    spotify_root: Literal["on", "off"] = "off"  # Spotify's paths at the root as well
    # Whether callers need a key. auto: on, unless only this machine can connect.
    access: Literal["auto", "on", "off"] = "auto"
    # Tokens that somebody else signed (JWT), beside keys: `iss` and `aud` must be these. None: no
    # tokens. Their keys, a JWKS: https://…, or a file. docs/tokens.md says the rest.
    jwt_issuer: Annotated[str, Meta(min_length=1)] | None = None
    jwt_audience: Annotated[str, Meta(min_length=1)] | None = None
    jwt_keys: Annotated[str, Meta(min_length=1)] | None = None
    jwt_algorithms: str = "RS256"  # of RS256, PS256, ES256 and EdDSA, with commas
    jwt_life_s: Annotated[int, Meta(ge=60, le=86_400)] = 3_600  # from iat to exp, at most
    # at+jwt: what RFC 9068 calls an access token; jwt: those that are not called anything else, too
    jwt_types: Literal["at+jwt", "jwt"] = "at+jwt"
    jwt_user_claim: Annotated[str, Meta(min_length=1)] = "sub"  # whose token it is
    strategy_key: str | None = None  # what services are sent, where they ask for a key
    tracing: Literal["on", "off"] = "off"  # spans of OpenTelemetry; OTEL_* says where they go
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings out of the environment.

        Raises:
            Invalid: a name that is not a setting, or a value of the wrong type.
        """
        mine = {k[len(PREFIX) :].lower(): v for k, v in env.items() if k.startswith(PREFIX)}
        for name in mine.keys() - set(cls.__struct_fields__):
            close = difflib.get_close_matches(name, cls.__struct_fields__, n=1)
            hint = f"; did you mean {PREFIX}{close[0].upper()}?" if close else ""
            raise Invalid(f"{PREFIX}{name.upper()} is not a setting{hint}")
        try:
            return msgspec.convert(mine, cls, strict=False)
        except msgspec.ValidationError as error:
            raise Invalid(f"{PREFIX}*: {error}") from error

    @property
    def guarded(self) -> bool:
        """Whether callers need a key."""
        return self.access == "on" or (self.access == "auto" and self.host not in LOOPBACK)

    @property
    def trusting(self) -> bool:
        """Whether callers are whoever they say: only this machine connects, and no key is asked."""
        return not self.guarded and self.host in LOOPBACK

    @property
    def apart(self) -> bool:
        """Whether this process answers other processes alone, and nobody's listeners."""
        return self.role in ("profiles", "content")

    @property
    def home(self) -> Path:
        """The data directory as a path."""
        return Path(self.data_dir)

    @property
    def kernels_home(self) -> Path:
        """Where the folder of compiled kernels lies."""
        return Path(self.kernels_dir or self.data_dir)
