"""One line of what the doctor says."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "warn", "fail"]


class Check(Struct, frozen=True, omit_defaults=True):
    """One line of the report; `next` says what to do about it."""

    name: str
    state: State
    text: str
    next: str = ""
