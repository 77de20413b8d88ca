"""Every alert fires, stays quiet, is explained, and looks at what is measured."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from service import metrics as _metrics  # noqa: F401 - fills the registry

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "k8s" / "monitoring"
TESTS = ("rules_test.yaml", "rules_long_test.yaml")
NAME = re.compile(r"\b(?:echotune|recommendation|process)_[a-z0-9_]+\b")
BORN_LATER = {
    "echotune_shed_total",
    "echotune_fallbacks_total",
    "echotune_model_gate_total",
    "echotune_drift_alarms_total",
    "echotune_breaker_open",
}
"""Series that are 0 until the first event of their kind: if they are missing, all are."""

Rules = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rules() -> Rules:
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def alerts(rules: Rules) -> Rules:
    return [rule for rule in rules if "alert" in rule]


@pytest.fixture(scope="module")
def cases() -> Rules:
    files = [yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")) for name in TESTS]
    return [case["alert_rule_test"][0] for file in files for case in file["tests"]]


def exported() -> set[str]:
    """Every series that a process may have, by the name Prometheus gives it."""
    endings = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_count", "_sum"),
        "gauge": ("",),
        "info": ("_info",),
    }
    return {
        family.name + ending for family in REGISTRY.collect() for ending in endings[family.type]
    }


def unmeasured(rules: Rules) -> set[str]:
    return {name for rule in rules for name in NAME.findall(rule["expr"])} - exported()


def untested(alerts: Rules, cases: Rules) -> set[str]:
    """Alerts without a case that fires, and without one that stays quiet."""
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    quiet = {case["alertname"] for case in cases if not case["exp_alerts"]}
    return {alert["alert"] for alert in alerts} - (fires & quiet)


def unwatched(rules: Rules) -> set[str]:
    """Series that alerts look at and whose absence nobody would hear of."""
    absent = {rule["labels"]["series"] for rule in rules if "absent(" in rule["expr"]}
    seen = {name for rule in rules for name in NAME.findall(rule["expr"])}
    return seen - absent - BORN_LATER


def test_every_rule_looks_at_series_that_are_exported(rules: Rules):
    assert set() == unmeasured(rules)
    assert {"echotune_listenz_total"} == unmeasured([{"expr": "rate(echotune_listenz_total[5m])"}])


def test_every_alert_has_a_case_that_fires_and_one_that_stays_quiet(alerts: Rules, cases: Rules):
    assert set() == untested(alerts, cases)
    first = alerts[0]["alert"]
    loud = [case for case in cases if case["alertname"] != first or case["exp_alerts"]]
    assert {first} == untested(alerts, loud)


def test_every_series_has_an_alert_for_its_absence_and_that_one_fires(rules: Rules, cases: Rules):
    assert set() == unwatched(rules)
    assert {"process_resident_memory_bytes"} == unwatched(
        [rule for rule in rules if rule.get("labels", {}).get("series", "p")[0] != "p"]
        + [{"expr": "process_resident_memory_bytes > 1"}]
    )
    fired = {
        expected["exp_labels"]["series"]
        for case in cases
        for expected in case["exp_alerts"]
        if "series" in expected["exp_labels"]
    }
    assert fired == {rule["labels"]["series"] for rule in rules if "absent(" in rule["expr"]}


def test_every_alert_has_a_page_and_every_page_an_alert(alerts: Rules):
    pages = {f"docs/runbooks/{page.name}" for page in (ROOT / "docs" / "runbooks").iterdir()}
    named = {alert["annotations"]["runbook"] for alert in alerts}

    assert pages == named
    for alert in alerts:
        assert alert["annotations"]["runbook"] == f"docs/runbooks/{alert['alert']}.md"
        assert alert["labels"]["severity"] in {"page", "ticket"}
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert text.startswith(f"# {Path(page).stem}\n")
        assert re.search(r"## What to do\n\n1\. \S", text)
        assert set() == unmeasured([{"expr": text}])


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool: apt install prometheus")
@pytest.mark.parametrize("name", TESTS)
def test_promtool_sees_them_fire_and_stay_quiet(name):
    done = subprocess.run(
        ["promtool", "test", "rules", name], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool: apt install prometheus")
def test_promtool_notices_an_alert_that_does_not_fire(tmp_path: Path):
    """The control: a threshold is moved out of reach."""
    text = (FOLDER / "rules.yaml").read_text(encoding="utf-8")
    moved = text.replace("(echotune_jobs_dead_letters) > 0", "(echotune_jobs_dead_letters) > 50")
    cases = yaml.safe_load((FOLDER / "rules_test.yaml").read_text(encoding="utf-8"))
    cases["tests"] = [one for one in cases["tests"] if "JobsDead fires" in one["name"]]
    (tmp_path / "rules.yaml").write_text(moved)
    (tmp_path / "rules_test.yaml").write_text(yaml.safe_dump(cases))
    done = subprocess.run(
        ["promtool", "test", "rules", "rules_test.yaml"], cwd=tmp_path, check=False
    )

    assert moved != text
    assert 1 == done.returncode
