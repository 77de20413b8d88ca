"""What a cluster would be given: rendered, valid, and what reliability asks of it."""

import math
import os
import shutil
import subprocess
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import REGISTRY

from service import metrics as _metrics  # noqa: F401 - fills the registry
from service.settings import Settings
from tests import manifests
from tests.cluster_rules import OURS, faults
from tests.manifests import OVERLAYS, ROOT, Manifest, by_key, of_kind, overlay, pods

NOT_KUBERNETES = {"ServiceMonitor"}  # of the Prometheus operator, which brings its schema


@pytest.fixture(params=OVERLAYS, scope="module")
def found(request: pytest.FixtureRequest) -> list[Manifest]:
    return overlay(request.param)


def test_every_object_is_one_that_kubernetes_takes(found: list[Manifest]):
    for one in found:
        if one["kind"] not in NOT_KUBERNETES:
            kubernetes_validate.validate(one, "1.37", strict=True)


def test_a_wrong_word_in_an_object_is_found_out():
    """The control."""
    one = deepcopy(by_key(overlay("prod"))["Deployment", "api"])
    one["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError, match="livenesProbe"):
        kubernetes_validate.validate(one, "1.37", strict=True)


def test_nothing_that_reliability_asks_is_missing(found: list[Manifest]):
    assert set() == faults(found)


POD = "spec.template.spec"
BOX = f"{POD}.containers.0"
BROKEN: list[tuple[str, str, str, Any, str]] = [
    ("Deployment", "api", "spec.replicas", 3, "api: replicas beside a scaler, or neither"),
    (
        "Deployment",
        "learner",
        "spec.replicas",
        None,
        "learner: replicas beside a scaler, or neither",
    ),
    (
        "Deployment",
        "worker",
        "spec.strategy.rollingUpdate.maxUnavailable",
        1,
        "worker: unavailable while it rolls",
    ),
    ("Deployment", "api", f"{POD}.securityContext.runAsUser", 1, "api: root"),
    (
        "StatefulSet",
        "redis-cache",
        f"{POD}.securityContext.seccompProfile.type",
        "x",
        "redis-cache: seccomp",
    ),
    ("Deployment", "api", f"{BOX}.securityContext.capabilities.drop", [], "api: capabilities"),
    (
        "Deployment",
        "api",
        f"{BOX}.securityContext.allowPrivilegeEscalation",
        True,
        "api: escalation",
    ),
    (
        "Deployment",
        "api",
        f"{BOX}.securityContext.readOnlyRootFilesystem",
        False,
        "api: root file system",
    ),
    ("Deployment", "api", f"{POD}.automountServiceAccountToken", True, "api: token"),
    ("Deployment", "api", f"{POD}.enableServiceLinks", True, "api: service links"),
    ("Deployment", "worker", f"{BOX}.livenessProbe", None, "worker: probes"),
    ("Deployment", "api", f"{POD}.terminationGracePeriodSeconds", 30, "api: grace"),
    ("Deployment", "api", f"{BOX}.resources.limits.memory", None, "api: limits"),
    ("Deployment", "api", f"{POD}.volumes.0.emptyDir.sizeLimit", "", "api: unbounded folder"),
    ("Deployment", "api", f"{BOX}.startupProbe.failureThreshold", 3, "api: start"),
    ("Deployment", "api", f"{BOX}.volumeMounts", [], "api: writable folders"),
    ("Deployment", "api", f"{POD}.topologySpreadConstraints", [], "api: spread"),
    ("Deployment", "api", f"{BOX}.lifecycle.preStop", {}, "api: leaves before others know"),
    (
        "Deployment",
        "api",
        f"{BOX}.resources.limits.cpu",
        "4",
        "api: asks for less or more than measured",
    ),
    (
        "Deployment",
        "api",
        f"{BOX}.readinessProbe.httpGet.path",
        "/health/ready",
        "api: an outage of the store drains it",
    ),
    ("PodDisruptionBudget", "api", "metadata.name", "other", "api: no budget"),
    ("HorizontalPodAutoscaler", "api", "metadata.name", "other", "api: no scaler"),
    ("Namespace", "echotune", "metadata.labels", {}, "namespace"),
    ("ServiceAccount", "echotune", "automountServiceAccountToken", True, "token of the account"),
    ("NetworkPolicy", "default-deny", "spec.policyTypes", ["Ingress"], "open network"),
    ("Secret", "echotune-urls", "stringData.ECHOTUNE_REDIS_URL", "redis://u:p@h", "a real secret"),
    ("StatefulSet", "redis-events", f"{BOX}.args", [], "events are evicted"),
    ("StatefulSet", "redis-events", f"{BOX}.args", [], "events are lost"),
    ("StatefulSet", "redis-cache", f"{BOX}.args", [], "a cache that fills up"),
]


@pytest.mark.parametrize("kind, name, path, value, fault", BROKEN, ids=lambda one: str(one)[:60])
def test_a_broken_manifest_is_found_out(kind, name, path, value, fault):
    """The control of every rule."""
    objects = by_key(deepcopy(overlay("prod")))
    *way, last = path.split(".")
    place: Any = objects[kind, name]
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    if value is None:
        del place[last]
    else:
        place[last] = value

    assert fault in faults(list(objects.values()))


def test_every_setting_is_one_of_echotune(found: list[Manifest]):
    objects = by_key(found)
    env = (
        objects["ConfigMap", "echotune"]["data"] | objects["Secret", "echotune-urls"]["stringData"]
    )

    for name, pod in pods(found).items():
        if name in OURS:
            args = pod["containers"][0]["args"]
            assert name == Settings.from_env(env | {"ECHOTUNE_ROLE": args[-1]}).role
            assert 9000 == Settings.from_env(env).metrics_port


def test_every_selector_finds_what_it_is_for(found: list[Manifest]):
    labels = {
        name: one["spec"]["template"]["metadata"]["labels"]
        for (kind, name), one in by_key(found).items()
        if kind in {"Deployment", "StatefulSet"}
    }
    for one in [*of_kind(found, "Service"), *of_kind(found, "DisruptionBudget")]:
        wanted = one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        picked = {name for name, has in labels.items() if wanted.items() <= has.items()}
        ours = set(labels) & set(OURS)
        assert picked == (
            ours if one["metadata"]["name"] == "metrics" else {one["metadata"]["name"]}
        )
        ports = one["spec"].get("ports", ())
        targets = {port["targetPort"] for port in ports}
        for name in picked:
            container = pods(found)[name]["containers"][0]
            assert targets <= {port["name"] for port in container["ports"]}


def test_prod_names_images_by_digest_and_others_never_by_latest():
    for name in OVERLAYS:
        for pod in pods(overlay(name)).values():
            image = pod["containers"][0]["image"]
            assert "@sha256:" in image or (name == "dev" and image == "echotune:dev")


def test_scaling_is_quick_up_and_slow_down():
    one = by_key(overlay("prod"))["HorizontalPodAutoscaler", "api"]["spec"]
    targets = {
        metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"]
        for metric in one["metrics"]
        if metric["type"] == "Resource"
    }

    assert (3, 20) == (one["minReplicas"], one["maxReplicas"])
    assert {"cpu": 70, "memory": 80} == targets
    assert "echotune_requests_in_flight" == one["metrics"][2]["pods"]["metric"]["name"]
    assert 0 == one["behavior"]["scaleUp"]["stabilizationWindowSeconds"]
    assert 300 == one["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
    assert [{"type": "Percent", "value": 100, "periodSeconds": 15}] == one["behavior"]["scaleUp"][
        "policies"
    ]
    assert [{"type": "Percent", "value": 10, "periodSeconds": 60}] == one["behavior"]["scaleDown"][
        "policies"
    ]


def test_every_skipped_check_has_a_reason():
    text = "\n".join(path.read_text() for path in (ROOT / "k8s").rglob("*.yaml"))
    skips = [line for line in text.splitlines() if "checkov.io/skip" in line]

    assert skips
    assert all(len(line.partition("=")[2].split()) >= 5 for line in skips)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl, whose kustomize is the oracle")
@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_rendered_here_is_what_kustomize_renders(name):
    said = subprocess.run(
        ["kubectl", "kustomize", ROOT / "k8s" / "overlays" / name],
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert by_key(list(yaml.safe_load_all(said.stdout))) == by_key(overlay(name))


@pytest.mark.parametrize(
    "extra", ["commonLabels: {a: b}", "patches: [{path: p.yaml}]", "patches: [{path: q.yaml}]"]
)
def test_what_is_not_understood_of_kustomize_is_refused(extra: str, tmp_path: Path):
    (tmp_path / "a.yaml").write_text("{kind: ConfigMap, metadata: {name: a}, data: {x: '1'}}")
    (tmp_path / "p.yaml").write_text("{kind: ConfigMap, metadata: {name: a}, data: [x]}")
    (tmp_path / "q.yaml").write_text("{kind: ConfigMap, metadata: {name: b}}")
    (tmp_path / "kustomization.yaml").write_text(f"resources: [a.yaml]\n{extra}\n")

    with pytest.raises(manifests.NotKustomize):
        manifests.render(tmp_path)


def test_what_scalers_ask_for_is_what_the_adapter_gives(found: list[Manifest]):
    file = ROOT / "k8s" / "monitoring" / "adapter.yaml"
    adapter = yaml.safe_load(file.read_text(encoding="utf-8"))
    given = {
        kind: {rule["seriesQuery"].partition("{")[0] for rule in adapter[kind]}
        for kind in ("rules", "externalRules")
    }
    looks_at = [one for scaler in of_kind(found, "Autoscaler") for one in scaler["spec"]["metrics"]]
    asked = {
        kind: {one[kind]["metric"]["name"] for one in looks_at if kind in one}
        for kind in ("pods", "external")
    }

    assert {"rules": asked["pods"], "externalRules": asked["external"]} == given
    assert given["rules"] | given["externalRules"] <= {one.name for one in REGISTRY.collect()}


def wanted(replicas: int, load: float, target: float) -> int:
    """How many a scaler wants: the formula of Kubernetes, with its tolerance of a tenth."""
    ratio = load / replicas / target
    return replicas if abs(ratio - 1) <= 0.1 else math.ceil(replicas * ratio)


def scaled(load: list[float], *, steady: int) -> list[int]:
    """Replicas every 15 s under a load in cores, as the API is scaled by CPU.

    `steady`: looks of 15 s that a lower number has to hold before it counts.
    """
    replicas, wishes, said = 3, [3], list[int]()
    for cores in load:
        wishes.append(min(20, max(3, wanted(replicas, cores, 0.7 * 0.25))))
        up, down = wishes[-1], max(wishes[-steady:])
        least = replicas - max(1, replicas // 10) if len(said) % 4 == 0 else replicas
        replicas = min(up, 2 * replicas) if up > replicas else max(min(down, replicas), least)
        said.append(replicas)
    return said


def reversals(said: list[int]) -> int:
    """How often it went down after it went up, or up after it went down."""
    steps = [after - before for before, after in pairwise(said) if after != before]
    return sum(one * other < 0 for one, other in pairwise(steps))


def test_the_api_does_not_flap_in_an_hour_of_gusts():
    """An hour with a rise of ten minutes, and gusts of 40 % every minute; the control flaps."""
    gusts = [0.7 * (1 + (0.4 if look % 8 < 4 else 0)) for look in range(240)]
    load = [one * (2 if 80 <= look < 160 else 1) for look, one in enumerate(gusts)]

    assert reversals(scaled(load, steady=20)) <= 2
    assert reversals(scaled(load, steady=1)) > 10
    assert max(scaled(load, steady=20)) >= math.ceil(1.4 / 0.175)
