"""What gets installed is what was locked: pinned by hash, from no particular index."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = {"run": PROJECT["project"]["dependencies"], **PROJECT["dependency-groups"]}
LOCKS = {name: ROOT / "requirements" / f"{name}.lock" for name in GROUPS}
APART = {"players"}
"""Installed into a folder of its own."""
PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^\s;]+)")
FORBIDDEN = re.compile(r"index-url|find-links|trusted-host|://|@ |^-|\s[/~]", re.MULTILINE)


def test_there_is_one_lock_for_each_group_and_no_other():
    assert sorted(LOCKS.values()) == sorted((ROOT / "requirements").iterdir())


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_by_hash(name):
    requirements = _requirements(LOCKS[name])

    assert requirements
    for requirement in requirements:
        assert PIN.match(requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_index_or_a_path(name):
    assert not FORBIDDEN.findall(LOCKS[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", GROUPS)
def test_every_dependency_is_in_its_lock(name):
    assert _wanted(name) <= _pins(name).keys()


def test_all_locks_agree_so_that_one_environment_can_hold_them():
    versions: dict[str, set[str]] = {}
    for name in LOCKS.keys() - APART:
        for package, version in _pins(name).items():
            versions.setdefault(package, set()).add(version)

    assert {} == {package: found for package, found in versions.items() if len(found) > 1}


def test_gpl_software_is_for_tests_only():
    holders = {name for name in LOCKS if "secantusdb" in _pins(name)}

    assert {"test"} == holders


def _requirements(lock: Path) -> list[str]:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _pins(name: str) -> dict[str, str]:
    found = (PIN.match(requirement) for requirement in _requirements(LOCKS[name]))
    return {pin[1]: pin[2] for pin in found if pin}


def _wanted(name: str) -> set[str]:
    wanted: set[str] = set()
    for entry in GROUPS[name]:
        if isinstance(entry, dict):
            wanted |= _wanted(entry["include-group"])
        else:
            wanted.add(re.split(r"[^A-Za-z0-9._-]", entry)[0].lower())
    return wanted
