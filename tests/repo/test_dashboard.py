"""The dashboard asks for what there is, says what to do, and is what its code makes of it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import msgspec
import pytest
from click import Command, Group
from grafana_foundation_sdk.models import units
from litestar.testing import AsyncTestClient
from prometheus_client.parser import text_string_to_metric_families

from k8s.monitoring import dashboard, panel
from service.api.admission import Admission
from service.api.front import Front
from service.app import create_app
from service.cli import echotune
from service.settings import PREFIX, Settings
from tests import worlds
from tests.flows.conftest import fit
from tests.promql import Labels, faults, filled, left, parsed, used

ROOT = Path(__file__).parents[2]
OURS = ("echotune_", "recommendation_")
NOT_SHOWN: dict[str, str] = {}  # series: why it is not worth a panel
DRAWN = json.loads(dashboard.FILE.read_text(encoding="utf-8"))
PANELS = [one for one in DRAWN["panels"] if one["type"] != "row"]
TARGETS = [(one["title"], target) for one in PANELS for target in one["targets"]]
PROSE = " ".join(one["description"] for one in PANELS)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What /metrics says after the service was filled, fitted, asked, told and probed."""
    settings = Settings(
        data_dir=str(tmp_path_factory.mktemp("watched")),
        strategy_timeout_ms=5_000,
        store_timeout_ms=5_000,
        user_listens_per_minute=2,
        audit_share=1.0,
    )

    async def work() -> str:
        async with AsyncTestClient(create_app(settings)) as client:
            await _use(client)
            return (await client.get("/metrics")).text

    return anyio.run(work)


async def _use(client: AsyncTestClient) -> None:
    encode, lists = msgspec.json.encode, "/v1/users/jazz-u0/recommendations"
    await client.put("/v1/tracks", content=encode(worlds.tracks()))
    await client.post("/v1/listens", content=encode(worlds.listens()))
    await fit(client)
    first = await client.get(lists)
    await client.get(lists, headers={"If-None-Match": first.headers["etag"]})
    await client.get("/v1/users/nobody/recommendations")
    front = Admission(Front(client.app, client.app.state, timeout_s=5), timeout_s=5)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(front), base_url="http://door"
    ) as door:
        assert 200 == (await door.get(lists)).status_code
    told = {"id": "one", "user_id": "jazz-u0", "track_id": "jazz00"}
    for more in (
        {"action": "skip"},
        {"id": "two", "action": "rating", "rating": 4.0},
        {"id": "three", "action": "play", "at": "2020-01-01T00:00:00Z"},
    ):
        answer = await client.post("/v1/listens", json={**told, **more})
        assert 202 == answer.status_code, answer.text
    burst = [{**told, "action": "like", "id": f"like-{number}"} for number in range(40)]
    await client.post("/v1/listens", json=burst)  # more than one user may send at once
    assert await client.app.state.house.freshness.probe() is not None
    await client.app.state.house.fallback.refresh()


@pytest.fixture
def seen(scraped: str) -> Labels:
    found: Labels = {name: {} for name in _names(scraped)}
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            for label, value in sample.labels.items():
                found.setdefault(sample.name, {}).setdefault(label, set()).add(value)
    return found


def _names(scraped: str) -> Iterator[str]:
    for family in text_string_to_metric_families(scraped):
        yield from (sample.name for sample in family.samples)
        yield f"{family.name}_total" if family.type == "counter" else family.name


def test_the_file_is_what_the_code_makes() -> None:
    assert dashboard.text() == dashboard.FILE.read_text(encoding="utf-8"), (
        "run `python -m k8s.monitoring.dashboard`"
    )


def test_every_query_asks_for_what_is_exported(seen: Labels) -> None:
    wrong = {title: found for title, one in TARGETS if (found := faults(one["expr"], seen))}

    assert {} == wrong


@pytest.mark.parametrize(
    "expr, fault",
    [
        ("sum(rate(echotune_listen_total[5m]))", "no series echotune_listen_total"),
        ("sum by (kind) (rate(echotune_listens_total[5m]))", "echotune_listens_total has no kind"),
        ('echotune_breaker_open{on="store"}', "echotune_breaker_open has no on"),
        ("sum by (tire) (echotune_fallbacks_total)", "echotune_fallbacks_total has no tire"),
        (
            'echotune_events_total{outcome="buried"}',
            "echotune_events_total: no outcome is ever buried",
        ),
        ("a / on (level) echotune_shed_total", "echotune_shed_total has no level"),
        ("max(echotune_learner_lead) > 0 or vector(0)", "no series echotune_learner_lead"),
    ],
)
def test_a_query_that_is_wrong_is_found(seen: Labels, expr, fault) -> None:
    """The control, in every place where a name may stand."""
    assert fault in faults(expr, seen)


def test_every_series_has_a_panel_or_a_reason_why_not(scraped: str) -> None:
    asked = {name for _, target in TARGETS for name, _ in used(parsed(target["expr"]))}
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(scraped)
        if family.name.startswith(OURS) and not family.name.endswith("_created")
    }
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}

    assert exported == {name for name in shown if name.startswith(OURS)} | NOT_SHOWN.keys()
    assert not shown & NOT_SHOWN.keys()


def test_legends_name_the_labels_that_are_left_and_no_other() -> None:
    """Else lines have gaps in their names, or share one."""
    for title, target in TARGETS:
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

        assert left(parsed(target["expr"])) == named, title


@pytest.mark.parametrize("one", PANELS, ids=[one["title"] for one in PANELS])
def test_a_panel_says_what_good_is_what_is_seen_and_what_to_do(one) -> None:
    shows, otherwise = one["description"].split(f"\n\n{panel.NEXT} ")

    assert re.fullmatch(r"[A-Z][^:]*: .+", one["title"])
    assert one["fieldConfig"]["defaults"]["unit"] in vars(units).values()
    assert min(len(shows), len(otherwise)) > 20
    assert one["targets"]
    assert {target["refId"] for target in one["targets"]} == set("ABCD"[: len(one["targets"])])


def test_titles_and_ids_are_given_once() -> None:
    for what in ("title", "id"):
        given = [one[what] for one in DRAWN["panels"]]

        assert len(given) == len(set(given))


def test_panels_stand_beside_each_other() -> None:
    cells: dict[tuple[int, int], str] = {}
    for one in DRAWN["panels"]:
        at = one["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in cells, f"{one['title']} lies on {cells[x, y]}"
                cells[x, y] = one["title"]


def test_every_setting_and_command_that_it_advises_exists() -> None:
    advised = {name.lower() for name in re.findall(rf"{PREFIX}(\w+)", PROSE)}
    assert advised <= set(Settings.__struct_fields__)

    for words in re.findall(r"`echotune ([a-z ]+)", PROSE):
        command: Command = echotune
        for word in words.split():
            assert isinstance(command, Group), words
            assert word in command.commands, words
            command = command.commands[word]


def test_readme_raises_alarms_on_what_there_is(seen: Labels) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    watching = readme.split("\n## Watching it\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`(echotune_\w+)`", watching))

    assert 5 == len(named)
    assert named <= {re.sub("_bucket$", "", name) for name in seen}


def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    """Where its own tool is installed: types of arguments are judged, too."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH; Debian has it in the package prometheus")
    rules = [
        {"record": f"panel:query{number}", "expr": filled(target["expr"])}
        for number, (_, target) in enumerate(TARGETS)
    ]
    file = tmp_path / "queries.yml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    told = subprocess.run([promtool, "check", "rules", file], capture_output=True, check=False)

    assert 0 == told.returncode, told.stderr.decode()
