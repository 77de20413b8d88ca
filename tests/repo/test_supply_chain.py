"""What an image is made of is written down, and what builds it cannot be moved."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.repo.test_locks import LOCKS, _pins

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


def bill(*words: str) -> bytes:
    command = [sys.executable, str(ROOT / ".ci" / "sbom.py"), *words]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def made() -> dict:
    return json.loads(bill())


def test_every_locked_package_is_in_the_bill_with_its_hashes(made):
    components = {one["name"]: one for one in made["components"]}
    lock = LOCKS["run"].read_text(encoding="utf-8")
    hashes = [
        fact["value"]
        for one in made["components"]
        for fact in one["properties"]
        if fact["name"] == "echotune:sha256"
    ]

    assert _pins("run") == {name: one["version"] for name, one in components.items()}
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert "pkg:pypi/numba@" + _pins("run")["numba"] == components["numba"]["purl"]


def test_the_bill_is_cyclonedx_and_hangs_together(made):
    refs = [one["bom-ref"] for one in made["components"]]
    (root,) = made["dependencies"]

    assert ("CycloneDX", "1.6", 1) == (made["bomFormat"], made["specVersion"], made["version"])
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", made["serialNumber"])
    assert len(refs) == len(set(refs))
    assert made["metadata"]["component"]["bom-ref"] == root["ref"]
    assert set(root["dependsOn"]) < set(refs)
    assert "numpy" in {ref.split("/")[1].split("@")[0] for ref in root["dependsOn"]}


def test_no_part_of_an_image_is_under_a_licence_that_binds_ours(made):
    said = {
        one["name"]: json.dumps(one.get("licenses", []))
        for one in made["components"]
        if re.search(r"\bA?GPL", json.dumps(one.get("licenses", [])))
    }

    assert {} == said
    assert sum("licenses" in one for one in made["components"]) > 0.8 * len(made["components"])


def test_the_same_lock_gives_the_same_bytes_and_a_file_those_too(tmp_path: Path):
    file = tmp_path / "sbom.json"
    bill(str(file))

    assert hashlib.sha256(bill()).digest() == hashlib.sha256(file.read_bytes()).digest()


def loose(workflow: str) -> set[str]:
    """What in a workflow could be moved, or may do more than it has to."""
    wanted = yaml.safe_load(workflow)
    steps = [step for job in wanted["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    rules = {
        "an action by tag": all(re.search(r"@[0-9a-f]{40}$", one) for one in used),
        "rights for all": wanted["permissions"] == {},
        "rights to write": all(
            job["permissions"] == {"contents": "read"} for job in wanted["jobs"].values()
        ),
        "kept credentials": all(
            step.get("with", {}).get("persist-credentials") is False
            for step in steps
            if "checkout" in step.get("uses", "")
        ),
        "text of others in a shell": not any("${{" in step.get("run", "") for step in steps),
        "no end": all(job["timeout-minutes"] <= 60 for job in wanted["jobs"].values()),
    }
    return {fault for fault, holds in rules.items() if not holds}


def test_the_workflow_holds_still():
    assert set() == loose(WORKFLOW)


@pytest.mark.parametrize(
    "old, new, fault",
    [
        (r"checkout@[0-9a-f]{40}", "checkout@v5", "an action by tag"),
        (r"permissions: \{\}", "permissions: {contents: write}", "rights for all"),
        ("contents: read", "contents: write", "rights to write"),
        ("persist-credentials: false", "persist-credentials: true", "kept credentials"),
        ("bash .ci/run", "echo ${{ github.head_ref }}", "text of others in a shell"),
        ("timeout-minutes: 30", "timeout-minutes: 300", "no end"),
    ],
)
def test_a_loose_workflow_is_found_out(old, new, fault):
    """The control."""
    assert fault in loose(re.sub(old, new, WORKFLOW))
