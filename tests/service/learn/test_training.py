from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from service.learn.interactions import Interactions
from service.learn.training import fit_model
from service.model import files
from tests.service.given import NOON, catalogue, track
from tests.service.learn import fans


def test_a_world_too_small_for_a_figure_still_gives_a_model_that_loads(tmp_path: Path) -> None:
    """One track is all there is, so lists are of one track: they have no diversity."""
    known = catalogue(track("a"))
    matrix = csr_array(np.ones((60, 1), np.float32))
    heard = Interactions([f"u{user:02}" for user in range(60)], matrix)

    model = fit_model(heard, known, version="v1", fitted_at=NOON, progress=lambda _: None)
    files.save(model, ["a"], tmp_path)

    assert "hybrid.diversity" not in model.metrics
    assert np.isfinite(list(model.metrics.values())).all()
    assert model.metrics == files.load(tmp_path, "v1", ["a"]).metrics


def test_the_same_listens_give_the_same_bytes(tmp_path: Path) -> None:
    """Every array, the blend, the figures and the marks: threads and time change no bit."""
    ids = [brief.id for brief in fans.KNOWN.briefs]
    for folder in ("one", "other"):
        files.save(fans.fitted(fans.fans(), "v1"), ids, tmp_path / folder)

    one, other = (tmp_path / folder / "v1" for folder in ("one", "other"))
    assert (one / files.MANIFEST).read_bytes() == (other / files.MANIFEST).read_bytes()
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in other.iterdir()
    }
