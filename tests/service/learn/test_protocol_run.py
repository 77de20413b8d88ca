from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from service.cli.evaluating import draw
from service.cli.scorecards import as_table, tables
from service.domain import Track
from service.doors.datasets import PROTOCOLS, protocol_k, protocol_n, protocol_n_cold, protocol_s
from service.errors import UnusableFile
from service.learn.protocol import Protocol
from service.learn.protocol_run import Outcome, choose_recipe, run_protocol
from service.learn.recipe import Recipe
from service.model.catalogue import empty_catalogue


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    """Three tastes of ten tracks; every user plays seven tracks of one of them."""
    draw = np.random.default_rng(4)
    matrix = np.zeros((90, 30), np.float32)
    for user in range(90):
        matrix[user, 10 * (user % 3) + draw.permutation(10)[:7]] = 1
    part = draw.integers(0, 5, matrix.shape)
    fit, chosen_on, test = (
        csr_array(matrix * (part <= 2)),
        csr_array(matrix * (part == 3)),
        csr_array(matrix * (part == 4)),
    )
    return Protocol(
        name="small",
        k=5,
        catalogue=empty_catalogue().with_tracks(
            [Track(id=f"t{row}", title="x", artist=f"artist {row}") for row in range(30)]
        ),
        fit=fit,
        chosen_on=chosen_on,
        final=csr_array(matrix * (part <= 3)),
        test=test,
        recipes=[
            Recipe(directions=3, factors=3, factors_l2=1),
            Recipe(l2=1e9, directions=1, factors=1),
        ],
        bars={"recall": 0.5},
    )


@pytest.fixture(scope="module")
def outcome(protocol: Protocol) -> Outcome:
    return run_protocol(protocol, print)


def test_the_model_finds_the_tastes(outcome: Outcome) -> None:
    blend, trending = (outcome.rows[name].quality for name in ("blend", "trending alone"))

    assert blend.recall > 0.9
    assert blend.ndcg > 2 * trending.ndcg


def test_two_runs_give_the_same_figures(protocol: Protocol, outcome: Outcome) -> None:
    again = run_protocol(protocol, print)

    for name, card in outcome.rows.items():
        assert (card.quality, card.intervals) == (
            again.rows[name].quality,
            again.rows[name].intervals,
        )
    assert (outcome.against, outcome.without) == (again.against, again.without)


def test_baselines_and_ablations_sit_the_same_exam(outcome: Outcome) -> None:
    """Tastes that never mix: everybody who sees co-listening finds them, popularity does not."""
    assert {"popularity", "item-kNN", "EASE"} <= outcome.against.keys() <= outcome.rows.keys()
    assert outcome.rows["item-kNN"].quality.recall > 0.9
    assert outcome.against["popularity"].low > 0
    assert outcome.without["collaborative"].low < outcome.against["popularity"].low
    assert (outcome.left_out == "") == ("implicit ALS" in outcome.rows)


def test_parts_without_metadata_have_no_row(outcome: Outcome) -> None:
    assert not {"audio alone", "genre alone"} & outcome.rows.keys()


def test_choosing_never_sees_the_test_rows(protocol: Protocol) -> None:
    """Whatever the test rows say, the recipe and its figures stay the same."""

    def chosen(test: csr_array) -> tuple[Recipe, dict[str, float]]:
        changed = Protocol(
            **{name: getattr(protocol, name) for name in protocol.__struct_fields__}
            | {"test": test}
        )
        run = run_protocol(changed, print)
        assert (run.recipe, run.blend) == (first.recipe, first.blend)
        return run.recipe, run.validation

    first = run_protocol(protocol, print)
    reversed_rows = csr_array(protocol.test.toarray()[:, ::-1])

    assert chosen(protocol.test) == chosen(reversed_rows)


def test_the_better_recipe_is_chosen(protocol: Protocol) -> None:
    recipe, figures = choose_recipe(
        protocol.fit, protocol.chosen_on, protocol.catalogue, protocol.recipes, k=5, progress=print
    )

    assert max(figures.values()) == figures[str(recipe)]
    assert 2 == len(figures)


def test_the_table_and_the_picture_show_every_row(outcome: Outcome, tmp_path: Path) -> None:
    assert len(outcome.rows) == as_table(outcome).row_count
    differences = len(outcome.against) + len(outcome.without)
    assert [len(outcome.rows)] * 2 + [differences] == [one.row_count for one in tables(outcome)]

    draw(outcome, tmp_path / "quality.png")

    assert (tmp_path / "quality.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_missing_folder_says_what_to_set(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="DATASETS_DIR"):
        PROTOCOLS[name](tmp_path)


def test_protocol_n_is_split_to_the_letter(datasets: Path) -> None:
    protocol = protocol_n(datasets)

    assert 3972 == protocol.catalogue.size
    assert (137_010, 34_214) == (protocol.final.nnz, protocol.test.nnz)
    assert 13_585 == protocol.chosen_on.nnz
    assert 8_669 == (np.diff(protocol.test.indptr) > 0).sum()
    assert protocol.final.multiply(protocol.test).nnz == 0


def test_protocol_n_cold_holds_tracks_out_whole(datasets: Path) -> None:
    protocol = protocol_n_cold(datasets)

    cold = np.random.default_rng(7).permutation(3972)[:397]
    of_cold = np.isin(protocol.test.indices, cold)
    assert of_cold.all()
    assert not np.isin(protocol.final.indices, cold).any()
    assert 2_000 == (np.diff(protocol.test.indptr) > 0).sum()
    assert protocol.final.nnz == protocol.fit.nnz + protocol.chosen_on.nnz
    assert "content alone" == protocol.judged


def test_protocol_s_is_split_to_the_letter(datasets: Path) -> None:
    protocol = protocol_s(datasets)

    assert (1_885, 17_388) == protocol.fit.shape
    assert [64_315, 9_143, 18_321] == [
        matrix.nnz for matrix in (protocol.fit, protocol.chosen_on, protocol.test)
    ]
    assert 1_863 == (np.diff(protocol.test.indptr) > 0).sum()
    assert protocol.final is protocol.fit


def test_protocol_k_is_split_to_the_letter(datasets: Path) -> None:
    protocol = protocol_k(datasets)

    assert (1_859, 2_823) == protocol.final.shape
    assert 71_355 == protocol.final.nnz + protocol.test.nnz
    held = np.random.default_rng(0).random(71_355) < 0.2
    assert held.sum() == protocol.test.nnz
    assert protocol.final.nnz == protocol.fit.nnz + protocol.chosen_on.nnz
    assert protocol.final.multiply(protocol.test).nnz == 0
