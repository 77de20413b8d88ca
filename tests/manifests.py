"""The manifests of k8s/ as a cluster gets them: what `kubectl kustomize` does, for what we use.

Whatever this does not know of kustomize it refuses, so that nothing is ever rendered differently.
"""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

ROOT = Path(__file__).parents[1]
OVERLAYS = ("dev", "prod", "microservices")
CLUSTER_WIDE = {"Namespace"}
KNOWN = {"apiVersion", "kind", "resources", "namespace", "images", "patches"}


class NotKustomize(Exception):
    """The kustomization asks for something that is not understood here."""


def render(folder: Path) -> list[Manifest]:
    """Every object of a kustomization, those of its bases first."""
    wanted: Manifest = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if unknown := wanted.keys() - KNOWN:
        raise NotKustomize(f"{folder.name}: {', '.join(sorted(unknown))}")
    found = [one for name in wanted["resources"] for one in _read(folder / name)]
    for patch in wanted.get("patches", []):
        for change in _read(folder / patch["path"]):
            _merge(_named(found, change), change)
    for one in found:
        _set_images(one, wanted.get("images", []))
        if namespace := wanted.get("namespace"):
            if one["kind"] == "Namespace":
                one["metadata"]["name"] = namespace
            if one["kind"] not in CLUSTER_WIDE:
                one["metadata"]["namespace"] = namespace
    return found


def overlay(name: str) -> list[Manifest]:
    return deepcopy(_overlay(name))


@cache
def _overlay(name: str) -> list[Manifest]:
    return render(ROOT / "k8s" / "overlays" / name)


def key(one: Manifest) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def by_key(found: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {key(one): one for one in found}


def of_kind(found: list[Manifest], kind: str) -> list[Manifest]:
    """Those whose kind ends so."""
    return [one for one in found if one["kind"].endswith(kind)]


def pods(found: list[Manifest]) -> dict[str, Manifest]:
    """The pod spec of everything that makes pods, by name."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in found
        if one["kind"] in {"Deployment", "StatefulSet"}
    }


def _read(path: Path) -> list[Manifest]:
    if path.is_dir():
        return render(path.resolve())
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def _named(found: list[Manifest], change: Manifest) -> Manifest:
    same = [one for one in found if key(one) == key(change)]
    if len(same) != 1:
        raise NotKustomize(f"a patch of {key(change)}, of which there are {len(same)}")
    return same[0]


def _merge(target: Manifest, change: Manifest) -> None:
    for name, value in change.items():
        if isinstance(value, dict):
            _merge(target.setdefault(name, {}), value)
        elif isinstance(value, list) or value is None:
            raise NotKustomize(f"a patch of the list {name}, or that deletes it")
        else:
            target[name] = value


def _set_images(one: Manifest, images: list[Manifest]) -> None:
    for spec in pods([one]).values():
        for container in spec["containers"]:
            for image in images:
                if container["image"] == image["name"]:
                    name = str(image.get("newName") or image["name"])
                    tail = f"@{image['digest']}" if "digest" in image else f":{image['newTag']}"
                    container["image"] = f"{name}{tail}"
