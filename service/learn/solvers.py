"""Who does the two heavy steps of a fit: this process, or the workers of a cluster."""

from msgspec import Struct

from core.als import HalfStep
from core.ease import Invert


class Solvers(Struct, frozen=True, kw_only=True):
    """What takes the place of `core.ease.invert` and `core.als.improve`; None: they themselves."""

    inverse: Invert | None = None
    half_step: HalfStep | None = None


HERE = Solvers()
