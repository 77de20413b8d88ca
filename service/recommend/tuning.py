"""What a variant of an experiment may change of the way lists are made."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct, structs

from service.domain import Part, Strategy, Value
from service.errors import Invalid
from service.model.version import BlendWeights

PARTS: tuple[Part, ...] = get_args(Part)
STRATEGY_NAMES: tuple[Strategy, ...] = get_args(Strategy)
Times = Annotated[float, Meta(ge=0, le=100)]


class Tuning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one list; None is what the service's own settings say.

    A `weight_` multiplies what the fit found for that part of the blend.
    """

    balance: Annotated[float, Meta(ge=0, le=2)] | None = None  # of relevance and exposure
    strategies: str | None = None  # of a hybrid list, comma separated
    context: Literal["on", "off"] = "on"
    flow: Literal["asked", "always"] = "asked"
    explored: Annotated[int, Meta(ge=0, le=10)] = 0  # places of a list that are drawn by lot
    weight_collaborative: Times = 1.0
    weight_spectral: Times = 1.0
    weight_factors: Times = 1.0
    weight_online: Times = 1.0
    weight_artist: Times = 1.0
    weight_genre: Times = 1.0
    weight_audio: Times = 1.0
    weight_context: Times = 1.0
    weight_trending: Times = 1.0

    @property
    def asked(self) -> tuple[Strategy, ...] | None:
        """The strategies of a hybrid list, in the usual order."""
        if self.strategies is None:
            return None
        names = {name.strip() for name in self.strategies.split(",")}
        return tuple(name for name in STRATEGY_NAMES if name in names)

    def weighed(self, weights: BlendWeights) -> BlendWeights:
        """The weights of a blend as this variant wants them."""
        times = {name: getattr(self, f"weight_{name}") for name in PARTS}
        changed = {
            name: getattr(weights, name) * factor for name, factor in times.items() if factor != 1
        }
        return structs.replace(weights, **changed) if changed else weights


PLAIN = Tuning()


def tuning_of(settings: Mapping[str, Value]) -> Tuning:
    """What a variant's settings mean.

    Raises:
        Invalid: one of them is no setting, or has no such value.
    """
    return _tuning(tuple(sorted(settings.items()))) if settings else PLAIN


@lru_cache(1_000)
def _tuning(settings: tuple[tuple[str, Value], ...]) -> Tuning:
    names = ", ".join(Tuning.__struct_fields__)
    try:
        tuning = msgspec.convert({name: _whole(value) for name, value in settings}, Tuning)
    except msgspec.ValidationError as error:
        raise Invalid(f"the settings of a variant: {error}; there are {names}") from error
    if tuning.strategies is not None:
        asked = [name.strip() for name in tuning.strategies.split(",")]
        if set(asked) - set(STRATEGY_NAMES) or len(set(asked)) < len(asked):
            raise Invalid(
                f"strategies are some of {','.join(STRATEGY_NAMES)}; not {tuning.strategies!r}"
            )
    return tuning


def _whole(value: Value) -> Value | int:
    """A variant's numbers are floats; 2.0 is meant as 2 where something is counted."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
