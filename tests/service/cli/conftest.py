"""Commands as they are typed, on the data folder of the test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.errors import EchoTuneError


@pytest.fixture
def echotune(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs a command on the data folder `home` of this test: exit code and everything printed."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # set by commands; this process keeps its own

    def typed(command, *words: object, home: str = "data") -> tuple[int, str]:
        monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path / home))
        result = CliRunner().invoke(command, [str(word) for word in words], prog_name="echotune")
        if isinstance(result.exception, EchoTuneError):
            return 1, f"error: {result.exception}\n"
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result.exit_code, result.output

    return typed
