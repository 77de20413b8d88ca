"""What EchoTune is made of, as a CycloneDX 1.6 bill of materials: `./dev sbom [FILE]`.

Out of the lock that an image installs, with licences out of what is installed here. The same lock
gives the same bytes: no time, and a serial number out of the content.
"""

import hashlib
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).parents[1]
PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)\s*(?:;\s*(?P<when>.*?))?\s*--hash"
)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials of a lock file, for the project that pyproject.toml describes."""
    pins = filter(None, map(PIN.match, lock.replace("\\\n", " ").splitlines()))
    components = sorted(map(_component, pins), key=lambda one: str(one["purl"]))
    digest = hashlib.sha256(lock.encode()).hexdigest()
    name, version = project["name"], project["version"]
    ours = f"pkg:pypi/{name}@{version}"
    wanted = {_name(re.split(r"[^A-Za-z0-9._-]", one)[0]) for one in project["dependencies"]}
    direct = [one["bom-ref"] for one in components if one["name"] in wanted]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": name,
                "version": version,
                "purl": ours,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": ours, "dependsOn": direct}],
    }


def _component(pin: re.Match[str]) -> dict[str, Any]:
    name, version = _name(pin["name"]), pin["version"]
    purl = f"pkg:pypi/{name}@{version}"
    facts = [("echotune:sha256", digest) for digest in HASH.findall(pin.string)]
    if pin["when"]:
        facts.append(("echotune:installed-if", pin["when"]))
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        **_licences(name),
        "properties": [{"name": key, "value": value} for key, value in facts],
    }


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licences(name: str) -> dict[str, Any]:
    """What the package says of itself; nothing where it is not installed or says nothing."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return {}
    if expression := about.json.get("license_expression"):
        return {"licenses": [{"expression": expression}]}
    classified = [
        one.rpartition(" :: ")[2]
        for one in about.get_all("Classifier") or []
        if one.startswith("License ::")
    ]
    said = classified or [str(about.json.get("license") or "").partition("\n")[0]]
    return {"licenses": [{"license": {"name": one}} for one in said if one]}


def main() -> None:
    """Write it to a file, or to standard output."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    text = json.dumps(bill(lock, project), indent=2, ensure_ascii=False) + "\n"
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
