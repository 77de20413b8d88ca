"""Hidden directions of taste as arrays: what is absent stays absent."""

import msgspec
import numpy as np
import pytest

from core.spectral import Directions
from service.model.latent import ARRAYS, NOTHING_LATENT, Latent, from_arrays, to_arrays
from tests.service.given import latent


@pytest.mark.parametrize("left_out", ["none", "spectral", "factors", "online"])
def test_what_is_there_comes_back_and_what_is_absent_stays_absent(left_out: str) -> None:
    given = latent(4)
    if left_out != "none":
        given = msgspec.structs.replace(given, **{left_out: None})

    found = from_arrays(to_arrays(given), 4)

    for part in ("spectral", "factors", "online"):
        assert (getattr(given, part) is None) == (getattr(found, part) is None)
    for name, array in to_arrays(given).items():
        assert array.tobytes() == to_arrays(found)[name].tobytes()


def test_nothing_at_all_is_written_as_empty_arrays() -> None:
    arrays = to_arrays(NOTHING_LATENT)

    assert list(ARRAYS) == list(arrays)
    assert not any(array.size for array in arrays.values())
    assert NOTHING_LATENT == from_arrays(arrays, 7)


@pytest.mark.parametrize(
    "name",
    ["spectral_left.npy", "spectral_right.npy", "factors.npy", "factors_square.npy",
     "factors_penalties.npy", "online.npy", "online_biases.npy", "online_mean.npy"],
)  # fmt: skip
def test_arrays_of_another_catalogue_or_kind_do_not_fit(name: str) -> None:
    arrays = to_arrays(latent(4))

    with pytest.raises(ValueError, match=r"must|expected"):
        from_arrays(arrays | {name: np.ones((3, 1))}, 4)


def test_a_part_may_be_all_there_is() -> None:
    square = np.ones((2, 1), np.float32)

    found = from_arrays(to_arrays(Latent(spectral=Directions(square, square))), 2)

    assert found.spectral is not None
    assert found.factors is None
    assert found.online is None
