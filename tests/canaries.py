"""Secrets and persons that nobody else is called after: whatever output holds one has told it."""

import re

KEY = "et_CanaryKey00_" + "C4n4ry" * 8
TOKEN = "eyJjYW5hcnkiOiJ0b2tlbiJ9.eyJjYW5hcnkiOiJib2R5In0.Y2FuYXJ5LXNpZ25hdHVyZQ"
PASSWORD = "canary-password-91c2"
MAIL = "canary.person@mail.example"
ALL = (KEY, KEY.rsplit("_", 1)[1], TOKEN, TOKEN.rsplit(".", 1)[1], PASSWORD, MAIL)
SHAPES = re.compile(
    r"et_[0-9A-Za-z]{6,24}_[0-9A-Za-z]{40,64}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}", re.ASCII
)
"""Of keys and tokens: those that tests make are as good as any."""


def told(output: str) -> set[str]:
    """What of it should not be there."""
    return {one for one in ALL if one in output} | set(SHAPES.findall(output))
