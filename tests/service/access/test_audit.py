"""Lines that are changed, taken out or put in are seen."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.access.audit import MOST_WAITING, Audit, verify
from service.cli import echotune

AT = datetime(2026, 5, 1, tzinfo=UTC)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


async def written(folder: Path, lines: int = 5, *, file_bytes: int = 1 << 20) -> list[Path]:
    audit = Audit(folder, now=lambda: AT, file_bytes=file_bytes)
    for number in range(lines):
        audit.note(f"key{number}", "POST /v1/models", 202, "127.0.0.1")
        if file_bytes < 1 << 20:
            await audit.close()
    await audit.close()
    return files(folder)


def wrong(folder: Path) -> list[str]:
    return [why for *_, why in verify(folder) if why]


async def test_what_was_written_is_found_whole(tmp_path: Path) -> None:
    (path,) = await written(tmp_path)

    assert [(path.name, 6, "")] == [(name, n, why) for name, n, _, why in verify(tmp_path)]
    assert b'"who":"key4"' in path.read_bytes()
    assert 0o600 == path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], lines[1].replace(b"key0", b"key9"), *lines[2:]],
        lambda lines: [lines[0].replace(b"{", b'{"more":1,', 1), *lines[1:]],
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:3], lines[2], *lines[3:]],
        lambda lines: lines[1:],
        lambda lines: [*lines, b"{}"],
        lambda lines: [*lines[:-1], lines[-1][:20]],
    ],
)
async def test_what_was_changed_is_seen(tmp_path: Path, change) -> None:
    (path,) = await written(tmp_path)
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")

    assert 1 == len(wrong(tmp_path))


async def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    paths = await written(tmp_path, 6, file_bytes=300)

    assert len(paths) >= 3
    assert [] == wrong(tmp_path)
    paths[1].unlink()
    assert f"{paths[1].name}, which it follows, is gone" in wrong(tmp_path)[0]


async def test_a_flood_is_counted_and_not_written(tmp_path: Path) -> None:
    (path,) = await written(tmp_path, MOST_WAITING + 500)

    assert b'"uncounted":500' in path.read_bytes()
    assert MOST_WAITING + 2 == verify(tmp_path)[0][1]


async def test_without_a_line_there_is_no_file(tmp_path: Path) -> None:
    await Audit(tmp_path / "audit").close()

    assert not (tmp_path / "audit").exists()


async def test_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOTUNE_DATA_DIR", str(tmp_path))
    (path,) = await written(tmp_path / "audit")
    good = CliRunner().invoke(echotune, ["audit", "verify"])
    path.write_bytes(path.read_bytes().replace(b"key1", b"key9"))
    bad = CliRunner().invoke(echotune, ["audit", "verify"])

    assert (0, 1) == (good.exit_code, bad.exit_code)
    assert "BROKEN" in bad.output
