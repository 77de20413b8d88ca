"""A fit that is worse than what serves is kept and does not serve; one goes back in one call."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog
from msgspec import structs
from prometheus_client import REGISTRY

from service.domain import Demographics, Listen, UserSettings
from service.errors import Conflict, ModelRefused
from service.model import files
from service.model.verdict import Verdict
from tests.service.given import NOON, model
from tests.service.learn.fans import KNOWN, TRACKS, fans
from tests.service.learn.test_trainer import Desk

REFUSED = Verdict(passed=False, why="worse")


def counted(verdict: str) -> float:
    return REGISTRY.get_sample_value("echotune_model_gate_total", {"verdict": verdict}) or 0.0


class Gated(Desk):
    """A trainer in front of fans."""

    async def champion(self, mark: float) -> None:
        """Serve a model whose trial had this mark for every list."""
        listens = [
            Listen(id=one, user_id=user, track_id=one, at=NOON + timedelta(minutes=at))
            for (user, one), at in fans().items()
        ]
        await self.store.append(listens)
        marks = np.full((120, 2), mark, np.float32)
        served = model(KNOWN, listens, version="20260101T000000-0000", trial=marks)
        files.save(served, [brief.id for brief in KNOWN.briefs], self.folder)
        await self.trainer.activate(served.version)
        self.published.clear()

    def keep(self, version: str, verdict: Verdict | None = None) -> None:
        named = structs.replace(model(KNOWN), version=version, verdict=verdict)
        files.save(named, [brief.id for brief in KNOWN.briefs], self.folder)


@pytest.fixture
def desk(tmp_path: Path) -> Gated:
    return Gated(tmp_path, tracks=TRACKS)


async def test_a_candidate_that_is_worse_is_kept_told_and_not_served(desk: Gated) -> None:
    await desk.champion(1.0)
    before = counted("failed")

    with structlog.testing.capture_logs() as logs, pytest.raises(ModelRefused) as refused:
        await desk.trainer.fit(lambda _: None)

    first, second = desk.trainer.versions()
    assert first.version == desk.trainer.serving == files.current(desk.folder)
    assert [] == desk.published
    assert second.refused
    said = str(refused.value)
    assert said.startswith(f"model {second.version} does not serve: worse than {first.version} on")
    assert f"echotune models activate {second.version}" in said
    assert before + 1 == counted("failed")
    assert [(second.version, False)] == [
        (log["version"], log["passed"]) for log in logs if log["event"] == "model judged"
    ]


async def test_an_operator_may_overrule_the_gate(desk: Gated) -> None:
    await desk.champion(1.0)
    with pytest.raises(ModelRefused):
        await desk.trainer.fit(lambda _: None)
    refused = desk.trainer.versions()[-1].version

    await desk.trainer.activate(refused)

    assert refused == desk.trainer.serving == files.current(desk.folder)


async def test_a_candidate_that_is_no_worse_serves(desk: Gated) -> None:
    """And countries are slices, as far as users said where they live."""
    await desk.champion(0.0)
    for user in range(40):
        home = UserSettings(demographics=Demographics(country="SE" if user else None))
        for taste in ("jazz", "folk"):
            await desk.store.put_user(f"{taste}-u{user}", home)
    before = counted("passed")

    await desk.trainer.fit(lambda _: None)

    newest = desk.trainer.versions()[-1]
    assert newest.version == desk.trainer.serving
    assert newest.verdict is not None
    assert (True, "trial") == (newest.verdict.passed, newest.verdict.basis)
    assert "country SE" in newest.verdict.figures
    assert before + 1 == counted("passed")


async def test_a_champion_that_is_damaged_is_no_reason_to_stay_with_it(desk: Gated) -> None:
    await desk.champion(1.0)
    desk.damage("20260101T000000-0000")
    before = counted("unjudged")

    await desk.trainer.fit(lambda _: None)

    assert desk.trainer.versions()[-1].version == desk.trainer.serving
    assert before + 1 == counted("unjudged")


async def test_going_back_passes_over_what_was_refused(desk: Gated) -> None:
    for version, verdict in (("v1", None), ("v2", REFUSED), ("v3", None), ("v4", None)):
        desk.keep(version, verdict)
    await desk.trainer.activate("v3")

    back = await desk.trainer.rollback()

    assert "v1" == back == desk.trainer.serving == files.current(desk.folder)


async def test_with_nothing_to_go_back_to_all_stays_as_it_is(desk: Gated) -> None:
    with pytest.raises(Conflict, match="no model serves"):
        await desk.trainer.rollback()
    for version in ("v1", "v2"):
        desk.keep(version, REFUSED if version == "v1" else None)
    await desk.trainer.activate("v2")

    with pytest.raises(Conflict, match="no version older than v2 is kept"):
        await desk.trainer.rollback()

    assert "v2" == desk.trainer.serving


async def test_a_model_of_numbers_that_are_none_never_serves(desk: Gated) -> None:
    """Whoever asks for it."""
    desk.keep("v1")
    await desk.trainer.activate("v1")
    broken = structs.replace(model(KNOWN), version="v2", trial=np.full((1, 2), np.nan, np.float32))
    files.save(broken, [brief.id for brief in KNOWN.briefs], desk.folder)

    with pytest.raises(files.BrokenModel, match="numbers that are none"):
        await desk.trainer.activate("v2")

    assert "v1" == desk.trainer.serving == files.current(desk.folder)
