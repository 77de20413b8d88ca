"""What `echotune serve` does before there is a server, and the commands around it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import echotune, main, serving
from service.cli.kernels import MARK, digest
from service.errors import Invalid
from service.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", os.environ.get("NUMBA_CACHE_DIR", str(tmp_path)))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["--workers", "2"],
        ["--role", "api"],
        ["--role", "worker"],
        ["--role", "learner"],
        ["--role", "content"],
    ],
)
def test_more_than_one_process_is_refused_with_what_is_missing(
    home: Path, words: list[str]
) -> None:
    ran = CliRunner().invoke(echotune, ["serve", *words])

    assert isinstance(ran.exception, Invalid)
    assert "ECHOTUNE_EVENTS_REDIS_URL" in str(ran.exception)
    assert not list(home.iterdir())


def test_an_error_is_one_line_and_never_a_traceback(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ECHOTUNE_PROT", "1")
    monkeypatch.setattr("sys.argv", ["echotune", "serve"])

    code = main()

    assert 1 == code
    assert "error: ECHOTUNE_PROT is not a setting; did you mean ECHOTUNE_PORT?\n" == (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("command", sorted(echotune.commands))
def test_every_command_explains_itself(command: str) -> None:
    ran = CliRunner().invoke(echotune, [command, "--help"])

    assert 0 == ran.exit_code
    assert "Usage" in ran.output


class Made:
    """Remembers for which moment a demo world was made; can be told to stop half-way."""

    def __init__(self) -> None:
        self.moments: list[datetime] = []
        self.cut_short = False

    def __call__(self, settings: Settings, *, now: datetime, **_more: object) -> None:
        self.moments.append(now)
        (settings.home / "echotune.db").touch()
        if self.cut_short:
            raise KeyboardInterrupt


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    stand_in = Made()
    monkeypatch.setattr(serving, "make_demo", stand_in)
    return stand_in


def test_an_empty_folder_gets_a_demo_world_once(home: Path, made: Made) -> None:
    serving.demo_if_empty(Settings(data_dir=str(home)))
    serving.demo_if_empty(Settings(data_dir=str(home)))

    assert 1 == len(made.moments)


def test_a_demo_that_was_cut_short_is_finished_as_the_same_world(home: Path, made: Made) -> None:
    made.cut_short = True
    with pytest.raises(KeyboardInterrupt):
        serving.demo_if_empty(Settings(data_dir=str(home)))
    made.cut_short = False

    serving.demo_if_empty(Settings(data_dir=str(home)))
    serving.demo_if_empty(Settings(data_dir=str(home)))

    first, second = made.moments
    assert first == second <= datetime.now(UTC)


def test_data_of_ones_own_is_never_mixed_with_a_demo(home: Path, made: Made) -> None:
    (home / "echotune.db").touch()

    serving.demo_if_empty(Settings(data_dir=str(home)))

    assert not made.moments


def test_recommend_prints_a_list_with_reasons(home: Path) -> None:
    runner = CliRunner()
    size = ["--tracks", "300", "--listeners", "60", "--listens", "3000"]
    assert 0 == runner.invoke(echotune, ["demo", *size], catch_exceptions=False).exit_code
    compiled = home / "kernels" / digest()  # this process has its kernels already
    compiled.mkdir(parents=True)
    (compiled / MARK).touch()

    ran = runner.invoke(echotune, ["recommend", "u1", "--limit", "3"], catch_exceptions=False)

    assert 0 == ran.exit_code, ran.output
    assert "why" in ran.output
