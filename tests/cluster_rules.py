"""What reliability asks of manifests, as rules that name what breaks them."""

from tests.manifests import Manifest, by_key, of_kind, pods

SERVING = ("api", "profiles", "content")
OURS = ("api", "worker", "learner", "profiles", "content")
ENFORCE = "pod-security.kubernetes.io/enforce"


def faults(found: list[Manifest]) -> set[str]:
    """What reliability asks of manifests and these do not do; each with whose fault it is."""
    wrong = set()
    objects = by_key(found)
    for name, pod in pods(found).items():
        wrong |= {f"{name}: {fault}" for fault in _pod_faults(name, pod)}
        if name in SERVING:
            wrong |= {f"{name}: {fault}" for fault in _serving_faults(objects, name, pod)}
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(found, "Autoscaler")}
    for one in of_kind(found, "Deployment"):
        name = one["metadata"]["name"]
        if (name in scaled) == ("replicas" in one["spec"]):
            wrong.add(f"{name}: replicas beside a scaler, or neither")
        if one["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
            wrong.add(f"{name}: unavailable while it rolls")
    wrong |= _cluster_faults(objects)
    return wrong


def _pod_faults(name: str, pod: Manifest) -> set[str]:
    (container,) = pod["containers"]
    who, may = pod["securityContext"], container["securityContext"]
    limits, requests = (container["resources"][kind] for kind in ("limits", "requests"))
    probes = [container.get(f"{kind}Probe") for kind in ("startup", "readiness", "liveness")]
    rules = {
        "root": who["runAsNonRoot"] and who["runAsUser"] >= 10_000,
        "seccomp": who["seccompProfile"] == {"type": "RuntimeDefault"},
        "capabilities": may["capabilities"] == {"drop": ["ALL"]},
        "escalation": may["allowPrivilegeEscalation"] is False,
        "root file system": may["readOnlyRootFilesystem"] is True,
        "token": pod["automountServiceAccountToken"] is False,
        "service links": pod["enableServiceLinks"] is False,
        "probes": None not in probes and probes[1] != probes[2],
        "grace": pod["terminationGracePeriodSeconds"] == 45,
        "limits": {"cpu", "memory", "ephemeral-storage"} <= limits.keys() & requests.keys(),
        "unbounded folder": all(
            volume["emptyDir"]["sizeLimit"] for volume in pod.get("volumes", ())
        ),
        "start": probes[0] is not None
        and probes[0]["periodSeconds"] * probes[0]["failureThreshold"] >= 120,
    }
    if name in OURS:
        rules["writable folders"] = {"/data", "/tmp"} == {
            mount["mountPath"] for mount in container["volumeMounts"]
        }
        rules["spread"] = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} == {
            one["topologyKey"] for one in pod["topologySpreadConstraints"]
        }
    return {fault for fault, holds in rules.items() if not holds}


def _serving_faults(objects: dict[tuple[str, str], Manifest], name: str, pod: Manifest) -> set[str]:
    (container,) = pod["containers"]
    asked = {
        kind: container.get(f"{kind}Probe", {}).get("httpGet", {}).get("path")
        for kind in ("startup", "readiness", "liveness")
    }
    rules = {
        "leaves before others know": container["lifecycle"]["preStop"]
        == {"sleep": {"seconds": 10}},
        "asks for less or more than measured": container["resources"]
        == {
            "requests": {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "512Mi"},
            "limits": {"cpu": "500m", "memory": "2Gi", "ephemeral-storage": "3Gi"},
        },
        "an outage of the store drains it": asked
        == {"startup": "/health/ready", "readiness": "/health/live", "liveness": "/health/live"},
        "no budget": ("PodDisruptionBudget", name) in objects,
        "no scaler": ("HorizontalPodAutoscaler", name) in objects,
    }
    return {fault for fault, holds in rules.items() if not holds}


def _cluster_faults(objects: dict[tuple[str, str], Manifest]) -> set[str]:
    namespaces = [one for (kind, _), one in objects.items() if kind == "Namespace"]
    account = objects["ServiceAccount", "echotune"]
    denied: Manifest = objects.get(("NetworkPolicy", "default-deny"), {"spec": {}})["spec"]
    urls = objects["Secret", "echotune-urls"]["stringData"]
    events = pods(list(objects.values()))["redis-events"]["containers"][0]["args"]
    cache = pods(list(objects.values()))["redis-cache"]["containers"][0]["args"]
    enforced = [one["metadata"].get("labels", {}).get(ENFORCE) for one in namespaces]
    rules = {
        "namespace": enforced == ["restricted"],
        "token of the account": account["automountServiceAccountToken"] is False,
        "open network": denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "a real secret": all("@" not in url for url in urls.values()),
        "events are evicted": _after(events, "--maxmemory-policy") == "noeviction",
        "events are lost": _after(events, "--appendfsync") == "always",
        "a cache that fills up": _after(cache, "--maxmemory-policy") == "allkeys-lru",
    }
    return {fault for fault, holds in rules.items() if not holds}


def _after(words: list[str], word: str) -> str | None:
    return words[words.index(word) + 1] if word in words else None
