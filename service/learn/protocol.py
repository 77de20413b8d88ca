"""A dataset and its split: what a run is given."""

from msgspec import Struct
from scipy.sparse import csr_array

from service.learn.pareto import Goal
from service.learn.recipe import Recipe
from service.model.catalogue import Catalogue


class Protocol(Struct, frozen=True, kw_only=True):
    """One dataset and its split. `final` is what the judged model is fitted on and masks."""

    name: str
    k: int
    catalogue: Catalogue
    fit: csr_array  # float32 (users, tracks), 1 where a user has the track; so are the next three
    chosen_on: csr_array
    final: csr_array
    test: csr_array
    recipes: list[Recipe]  # candidates; validation picks one
    bars: dict[str, float]  # what a published or simpler model reached on the test rows
    judged: str = "blend"  # the row that the bars are for
    goals: list[Goal] = []  # what turning the balance should reach
