"""What an operator may change, read once at start."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from service.errors import Invalid

PREFIX = "ECHOTUNE_"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All an operator may change, as ECHOTUNE_<NAME>. Read once; a typo stops the start."""

    data_dir: str = "data"  # SQLite, models and compiled kernels live here
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    metrics_port: Annotated[int, Meta(ge=1, le=65535)] | None = None  # None: /metrics on `port`
    local_cache_bytes: Annotated[int, Meta(ge=1 << 20)] = 64 << 20
    redis_url: str | None = None  # the shared cache level; None: this process is alone
    redis_timeout_ms: Annotated[int, Meta(ge=1, le=1_000)] = 10  # then a request goes on without it
    events_redis_url: str | None = None  # another Redis, which must never evict
    strategy_timeout_ms: Annotated[int, Meta(ge=1, le=10_000)] = 50
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
    def home(self) -> Path:
        """The data directory as a path."""
        return Path(self.data_dir)
