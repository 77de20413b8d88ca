"""echotune experiment: a trial from its draft to its archive, said in a terminal."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rich_click as click
from click.testing import CliRunner

from service.adapters import open_store
from service.cli import echotune, main
from service.cli.experiments import experiment
from service.domain import Listen, ShownList
from service.errors import Conflict, Invalid, UnknownExperiment
from service.settings import Settings
from tests import worlds

DRAFT = ("create", "more-new", "--variant", "control", "--variant", "new:balance=0.5")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path / "data"))
    return Settings(data_dir=str(tmp_path / "data"))


def run(*words: str) -> str:
    ran = CliRunner().invoke(echotune, ["experiment", *words], catch_exceptions=False)
    assert 0 == ran.exit_code, ran.output
    return ran.output


def told(*words: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(run(*words))
    return said


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    """What the whole command says on standard error."""
    monkeypatch.setattr("sys.argv", ["echotune", "experiment", *words])
    code = main()
    said = capsys.readouterr()
    assert (1, "") == (code, said.out)
    return said.err


async def some_came(settings: Settings, *, after: timedelta = timedelta(0)) -> None:
    """Forty users with a list each; those of the variant play more of it."""
    tracks = [track.id for track in worlds.tracks()]
    store = await open_store(settings)
    await store.put_tracks(worlds.tracks())
    found = await store.experiment("more-new")
    assert found is not None
    assert found.starts is not None
    for n in range(40):
        arm, user = ("control", "new")[n % 2], f"u{n}"
        shown = ShownList(user, f"l{n}", tracks[:5], [1.0] * 5, {"more-new": arm}, found.starts)
        await store.put_shown([shown])
        plays = n % 3 + (3 if arm == "new" else 1)
        await store.append(
            [
                Listen(
                    user_id=user,
                    track_id=tracks[place],
                    at=found.starts + after,
                    id=f"{place}",
                    list_id=f"l{n}",
                )
                for place in range(plays)
            ]
        )
    await store.close()


def test_from_draft_to_archive(settings: Settings, tmp_path: Path) -> None:
    draft = told(*DRAFT, "--allocation", "0.2", "--guardrail", "skip_rate=0.02")
    assert ("draft", 0.2, []) == (draft["status"], draft["allocation"], draft["buckets"])
    assert "more-new                         draft       20.0%  control new\n" == run("list")

    assert "running" == told("start", "more-new")["status"]
    grown = told("grow", "more-new", "0.5")
    assert (0.5, 5_000) == (
        grown["allocation"],
        sum(last - first for first, last in grown["buckets"]),
    )
    assert grown == told("show", "more-new")

    asyncio.run(some_came(settings))
    assert "stopped" == told("stop", "more-new")["status"]
    report = told("report", "more-new", "--format", "json")
    assert ["control", "new"] == [arm["name"] for arm in report["arms"]]
    assert [20, 20] == [arm["users"] for arm in report["arms"]]
    assert ["skip_rate"] == [one["metric"] for one in report["guardrails"]]
    text = run("report", "more-new")
    assert text.startswith("more-new: stopped\n")
    assert "new against the control" in text

    file = tmp_path / "report.html"
    assert f"{file}: more-new as of " in run(
        "report", "more-new", "--format", "html", "--output", str(file)
    )
    page = file.read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "more-new" in page

    assert "archived" == told("archive", "more-new")["status"]
    assert "archived" in run("list")


def test_a_report_of_a_draft_says_that_nobody_came() -> None:
    run(*DRAFT)

    assert "no user has come yet" in run("report", "more-new")


def test_while_nothing_has_a_lift_yet_the_page_is_drawn_all_the_same(settings: Settings) -> None:
    run(*DRAFT)
    run("start", "more-new")
    asyncio.run(some_came(settings, after=timedelta(hours=-1)))

    report = told("report", "more-new", "--format", "json")
    assert {None} == {one["lift"] for one in report["comparisons"]}
    assert "more-new" in run("report", "more-new", "--format", "html")


def test_every_option_of_a_draft_arrives() -> None:
    made = told(
        *("create", "x", "--variant", "control*3", "--layer", "ranking"),
        *("--variant", "new*0.5:strategies=collaborative+content,explored=2"),
        *("--audience", "country=DE", "--audience", "language=nan"),
        *("--starts", "2026-12-01T08:00:00Z", "--ends", "2027-01-01T07:00:00Z"),
        *("--guardrail", "skip_rate=0.02", "--guardrail", "plays=0.1"),
    )

    assert [
        {"name": "control", "weight": 3.0, "settings": {}},
        {
            "name": "new",
            "weight": 0.5,
            "settings": {"strategies": "collaborative,content", "explored": 2.0},
        },
    ] == made["variants"]
    assert {"country": "DE", "language": "nan"} == made["audience"]
    assert ("ranking", "2026-12-01T08:00:00Z") == (made["layer"], made["starts"])
    assert "2027-01-01T07:00:00Z" == made["ends"]
    assert [("skip_rate", 0.02), ("plays", 0.1)] == [
        (one["metric"], one["most_loss"]) for one in made["guardrails"]
    ]
    assert made == told("show", "x")


@pytest.mark.parametrize(
    "words, why",
    [
        (("--variant", "a", "--variant", "b:balance"), "'balance' is not KEY=VALUE"),
        (("--variant", "a", "--variant", "b*many"), "Expected `float`, got `str`"),
        (("--variant", "a", "--variant", "b*0"), "Expected `float` > 0.0"),
        (("--variant", "a", "--variant", "b*nan"), "Expected `float`"),
        (("--variant", "a", "--variant", "b c"), "matching regex"),
        (("--variant", "a"), "length >= 2"),
        (("--variant", "a", "--variant", "a"), "two variants have one name"),
        (("--variant", "a", "--variant", "b:volume=11"), "unknown field `volume`"),
        (("--variant", "a", "--variant", "b:balance=3"), "<= 2.0"),
        (("--variant", "a", "--variant", "b:balance=nan"), "$.balance"),
        (("--variant", "a", "--variant", "b:strategies=luck"), "not 'luck'"),
        (("--variant", "a", "--variant", "b", "--allocation", "1.1"), "<= 1.0"),
        (("--variant", "a", "--variant", "b", "--allocation", "nan"), "$.allocation"),
        (("--variant", "a", "--variant", "b", "--starts", "soon"), "RFC3339"),
        (("--variant", "a", "--variant", "b", "--ends", "2027-01-01T08:00:00"), "timezone"),
        (("--variant", "a", "--variant", "b", "--audience", "gender=x"), "not by gender"),
        (("--variant", "a", "--variant", "b", "--guardrail", "joy=1"), "no metric is called joy"),
        (("--variant", "a", "--variant", "b", "--guardrail", "plays=2"), "<= 1.0"),
    ],
)
def test_a_draft_that_is_none_is_one_line_and_nothing_is_kept(
    words, why, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(monkeypatch, capsys, "create", "x", *words)

    assert said.startswith("error: ")
    assert 1 == said.count("\n")
    assert why in said
    assert "" == run("list")


@pytest.mark.parametrize("verb", ["show", "start", "stop", "archive", "report", "grow"])
def test_what_nobody_created_is_one_line(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("0.5",) if verb == "grow" else ()

    assert "error: no experiment is called 'x': `echotune experiment list`\n" == refused(
        monkeypatch, capsys, verb, "x", *more
    )


def test_what_contradicts_what_is_there_is_said() -> None:
    run(*DRAFT)
    with pytest.raises(Conflict, match="names are given once"):
        run(*DRAFT)
    with pytest.raises(Conflict, match="nothing to stop"):
        run("stop", "more-new")
    run("start", "more-new")
    with pytest.raises(Conflict, match="nothing to archive"):
        run("archive", "more-new")
    with pytest.raises(Conflict, match=r"10\.00% of its layer"):
        run("grow", "more-new", "0.05")


def test_what_was_stopped_is_started_again() -> None:
    run(*DRAFT)
    first = told("start", "more-new")
    run("stop", "more-new")
    again = told("start", "more-new")

    assert ("running", None) == (again["status"], again["ends"])
    assert (first["starts"], first["buckets"]) == (again["starts"], again["buckets"])


def test_a_share_that_is_no_number_is_refused() -> None:
    run(*DRAFT)
    with pytest.raises(Invalid, match="nan is no share"):
        run("grow", "more-new", "nan")

    assert 0.1 == told("show", "more-new")["allocation"]
    ran = CliRunner().invoke(echotune, ["experiment", "grow", "more-new", "2"])
    assert (2, True) == (ran.exit_code, "0<=x<=1" in ran.output)


def test_an_estimate_needs_an_experiment(settings: Settings) -> None:
    ran = CliRunner().invoke(experiment, ["estimate", "x", "--set", "balance"])

    assert isinstance(ran.exception, Invalid)
    assert not isinstance(ran.exception, UnknownExperiment)


def test_a_plan_says_how_many_users_and_days() -> None:
    said = run("plan", "--value", ".31", "--deviation", ".2", "--users-a-day", "500")

    needed = 2 * (1.96 + 0.8416) ** 2 * (0.2 / (0.31 * 0.03)) ** 2
    users, days = said.split(" users, ")
    counts = [int(one.replace(",", "")) for one in users.split(" + ")]
    assert [needed, needed] == pytest.approx(counts, rel=0.001)
    assert f"{-(-sum(counts) // 500)} days\n" == days


@pytest.mark.parametrize("wrong", [("--value", "0"), ("--lift", "0"), ("--power", "1")])
def test_a_plan_of_nothing_is_refused(wrong) -> None:
    with pytest.raises(Invalid):
        run("plan", "--value", "1", "--deviation", "1", "--users-a-day", "9", *wrong)


@pytest.mark.parametrize("verb", ["", *experiment.commands])
def test_every_verb_explains_itself(verb: str) -> None:
    said = run(*([verb] if verb else []), "--help")

    assert f"experiment {verb}".strip() in said
    command = experiment.commands[verb] if verb else experiment
    assert isinstance(command, click.Command)
    assert (command.help or "-").split()[0] in said
