"""Variants and settings as somebody types them."""

from math import isfinite
from typing import Any

from service.errors import Invalid


def variant(text: str) -> dict[str, Any]:
    """A variant as it is typed: NAME[*WEIGHT][:KEY=VALUE,...]."""
    named, _, settings = text.partition(":")
    name, _, weight = named.partition("*")
    pairs = [pair(one) for one in settings.split(",") if one]
    return {"name": name, "settings": dict(pairs)} | ({"weight": _value(weight)} if weight else {})


def pair(text: str) -> tuple[str, float | str]:
    """KEY=VALUE; a `+` in a text stands for the comma that ends a setting.

    Raises:
        Invalid: there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"{text!r} is not KEY=VALUE")
    return key, _value(value)


def _value(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text.replace("+", ",")  # strategies=collaborative+content
    return number if isfinite(number) else text  # no JSON has a NaN; nan is a language as well
