"""Model versions: fitted, served, brought back, resumed whatever happened to the files."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
import structlog
from prometheus_client import REGISTRY

from service.bus import START, Bus, ModelPublished
from service.bus.memory import MemoryStream
from service.domain import Track
from service.errors import Invalid, ModelNotReady, UnknownModel
from service.learn.prices import Target
from service.learn.trainer import FEWEST_PAIRS, Trainer
from service.model import files
from service.model.current import Current
from service.store.memory import MemoryStore
from tests import worlds
from tests.service.given import NOON, listen, model

Published = list[str]


class Desk:
    """A trainer over a folder; `published` is what its bus heard."""

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], datetime] = lambda: NOON,
        *,
        tracks: list[Track] | None = None,
        **options,
    ) -> None:
        self.folder, self.store, self.current = folder, MemoryStore(), Current(lambda: NOON)
        self.current.add_tracks(tracks or worlds.tracks())
        self.published: Published = []
        self.stream = MemoryStream()
        bus = Bus(self.stream)

        async def hear(fact: ModelPublished) -> None:
            self.published.append(fact.version)

        bus.subscribe(ModelPublished, hear)
        self.trainer = Trainer(self.store, bus, self.current, folder, clock, **options)

    def save(self, *versions: str) -> None:
        """Versions that nobody had to wait for."""
        fitted = model(self.current.catalogue, metrics={"hybrid.recall": 0.5})
        ids = [brief.id for brief in self.current.catalogue.briefs]
        for version in versions:
            files.save(msgspec.structs.replace(fitted, version=version), ids, self.folder)

    def damage(self, version: str) -> None:
        (self.folder / version / "values.npy").write_bytes(b"")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def learned(desk: Desk) -> list[float]:
    listens = [
        msgspec.structs.replace(one, id=str(number)) for number, one in enumerate(worlds.listens())
    ]
    await desk.store.append(listens)
    reported: list[float] = []
    await desk.trainer.fit(reported.append)
    return reported


async def test_a_fit_brings_prices_for_the_exposure_that_is_wanted(tmp_path: Path) -> None:
    """With all weight on one track and no evenness, only that track may be shown for nothing."""
    wanted = tmp_path / "weights.csv"
    wanted.write_text("track_id,weight\njazz03,1\n", encoding="utf-8")
    target = Target(evenness=0, new_artists=0)
    desk = Desk(tmp_path / "models", target=target, weights=wanted)
    await learned(desk)

    assert desk.current.model is not None
    prices = desk.current.model.prices
    assert prices is not None
    assert [desk.current.catalogue.rows["jazz03"]] == np.flatnonzero(prices.shares).tolist()
    assert prices.values[desk.current.catalogue.rows["jazz03"]] == 0 < prices.values.max()
    assert desk.current.view().prices is not None


async def test_a_fit_with_unusable_weights_stops_before_it_starts(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "models", weights=tmp_path / "none.csv")

    with pytest.raises(Invalid, match=r"none\.csv"):
        await learned(desk)
    assert [] == desk.trainer.versions()


async def test_a_fit_is_saved_served_and_told(desk: Desk) -> None:
    progress = await learned(desk)

    (version,) = [one.version for one in desk.trainer.versions()]
    assert version == desk.trainer.serving == files.current(desk.folder)
    assert [version] == desk.published
    assert version.startswith("20260504T120000-")
    assert progress == sorted(progress)
    assert 0 < progress[0] <= progress[-1] <= 1
    model = desk.current.view().model
    assert model is not None
    assert (60, 45) == (model.tracks, len(model.listeners.ids))


async def test_a_fit_knows_how_good_it_is_and_the_metrics_say_so(desk: Desk) -> None:
    await learned(desk)

    metrics = desk.trainer.versions()[0].metrics
    assert {"hybrid", "collaborative", "trending"} == {name.split(".")[0] for name in metrics}
    name = next(iter(metrics))
    algorithm, metric = name.split(".")
    labels = {"algorithm": algorithm, "metric_type": metric}
    assert metrics[name] == REGISTRY.get_sample_value("recommendation_algorithm_accuracy", labels)
    fitted = REGISTRY.get_sample_value("echotune_model_fitted_timestamp_seconds")
    assert NOON.timestamp() == fitted


async def test_too_few_listens_are_no_model(desk: Desk) -> None:
    few = [
        listen(f"jazz{number:02}", user_id=f"u{number % 2}") for number in range(FEWEST_PAIRS - 1)
    ]
    await desk.store.append([*few, listen("folk01", action="dislike")])

    with pytest.raises(ModelNotReady, match="9 likes or plays are too few to learn from"):
        await desk.trainer.fit(lambda _: None)

    assert (None, [], []) == (desk.trainer.serving, desk.trainer.versions(), desk.published)


async def test_one_listener_alone_is_no_model_however_much_they_play(desk: Desk) -> None:
    mine = [listen(f"jazz{number:02}") for number in range(20)]
    await desk.store.append([*mine, listen("folk01", user_id="u2", action="skip")])

    with pytest.raises(ModelNotReady, match="all likes and plays are of one listener"):
        await desk.trainer.fit(lambda _: None)


async def test_just_enough_listens_are_a_model(desk: Desk) -> None:
    enough = [listen(f"jazz{n:02}", user_id=f"u{n % 2}") for n in range(FEWEST_PAIRS)]
    await desk.store.append(enough)

    await desk.trainer.fit(lambda _: None)

    assert desk.trainer.serving is not None


async def test_a_version_can_be_brought_back_and_forth(desk: Desk) -> None:
    desk.save("v1", "v2")

    for version in ("v2", "v1", "v2"):
        await desk.trainer.activate(version)

        assert version == desk.trainer.serving == files.current(desk.folder)
    assert ["v2", "v1", "v2"] == desk.published


@pytest.mark.parametrize("version", ["v9", "../v1", "", "v1\0"])
async def test_a_version_that_is_not_kept_leaves_the_serving_one_alone(desk: Desk, version) -> None:
    desk.save("v1")
    await desk.trainer.activate("v1")

    with pytest.raises(UnknownModel):
        await desk.trainer.activate(version)

    assert "v1" == desk.trainer.serving == files.current(desk.folder)


async def test_a_damaged_version_is_not_activated(desk: Desk) -> None:
    desk.save("v1", "v2")
    await desk.trainer.activate("v1")
    desk.damage("v2")

    with pytest.raises(files.BrokenModel):
        await desk.trainer.activate("v2")

    assert "v1" == desk.trainer.serving == files.current(desk.folder)


async def test_a_start_resumes_what_was_served_last(desk: Desk) -> None:
    desk.save("v1", "v2")
    files.activate(desk.folder, "v1")

    await desk.trainer.resume()

    assert "v1" == desk.trainer.serving


async def test_resuming_what_is_already_served_changes_nothing(desk: Desk) -> None:
    desk.save("v1")
    await desk.trainer.activate("v1")
    serving = desk.current.model

    await desk.trainer.resume()

    assert serving is desk.current.model
    assert ["v1"] == desk.published


async def test_after_damage_the_newest_whole_version_is_resumed(desk: Desk) -> None:
    desk.save("v1", "v2", "v3", "v4")
    files.activate(desk.folder, "v2")
    for version in ("v2", "v4"):
        desk.damage(version)

    with structlog.testing.capture_logs() as logs:
        await desk.trainer.resume()

    assert "v3" == desk.trainer.serving
    assert ["v2", "v4"] == [log["version"] for log in logs if log["event"] == "model left out"]


@pytest.mark.parametrize("note", [b"", b"v9", b"\xff\xfe\0", b"../v1"])
async def test_a_lost_or_garbled_note_of_the_current_version_is_survived(desk: Desk, note) -> None:
    desk.save("v1", "v2")
    (desk.folder / files.CURRENT).write_bytes(note)

    await desk.trainer.resume()

    assert "v2" == desk.trainer.serving


async def test_with_nothing_whole_nothing_is_served_and_it_is_no_error(desk: Desk) -> None:
    await desk.trainer.resume()
    assert desk.trainer.serving is None

    desk.save("v1")
    desk.damage("v1")
    await desk.trainer.resume()
    assert (None, []) == (desk.trainer.serving, desk.published)


async def test_a_model_of_another_catalogue_is_left_out(tmp_path: Path) -> None:
    Desk(tmp_path).save("v1")
    other = Desk(tmp_path)
    other.current = Current(lambda: NOON)
    other.current.add_tracks(worlds.tracks()[::-1])
    trainer = Trainer(other.store, Bus(), other.current, tmp_path)

    await trainer.resume()

    assert trainer.serving is None


async def test_versions_are_listed_in_the_order_they_were_fitted(tmp_path: Path) -> None:
    times = iter(NOON + timedelta(days=days) for days in (0, 1))
    desk = Desk(tmp_path, lambda: next(times))
    await learned(desk)
    await desk.trainer.fit(lambda _: None)

    fitted = [one.fitted_at for one in desk.trainer.versions()]

    assert [NOON, NOON + timedelta(days=1)] == fitted
    assert desk.trainer.versions()[-1].version == desk.trainer.serving


async def test_everybody_is_told_of_what_is_activated_and_not_of_what_is_resumed(
    desk: Desk,
) -> None:
    desk.save("1")
    await desk.trainer.activate("1")
    other = Desk(desk.folder)
    await other.trainer.resume()

    assert [ModelPublished("1")] == [one.fact for one in await desk.stream.read(START, limit=10)]
    assert ["1"] == other.published
    assert [] == await other.stream.read(START, limit=10)
