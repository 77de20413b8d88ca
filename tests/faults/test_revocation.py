"""Bar 21: a key that is revoked opens nothing in any process five seconds later."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.faults.serving import ROOT, Service
from tests.faults.sizes import say

PROMISED_S = 5.0
ON = {"ECHOTUNE_ACCESS": "on"}


def keys(data: Path, *words: str) -> str:
    command = (sys.executable, "-P", "-m", "service", "keys", *words)
    env = os.environ | {"ECHOTUNE_DATA_DIR": str(data)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def status(service: Service, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{service.url}/v1/trending", headers=headers, timeout=10).status_code


def until(service: Service, token: str, wanted: int) -> float:
    """Seconds until this is the answer."""
    start = time.monotonic()
    while (got := status(service, token)) != wanted:
        assert time.monotonic() - start < PROMISED_S, got
        time.sleep(0.05)
    return time.monotonic() - start


def test_a_revoked_key_is_refused_by_every_process(data: Path) -> None:
    with Service(data, env=ON) as first, Service(data, env=ON) as second:
        assert "echotune keys create" in first.log
        token = keys(data, "create", "a phone")
        other = keys(data, "create", "another")
        for service in (first, second):
            until(service, token, 200)

        start = time.monotonic()
        keys(data, "revoke", token.split("_")[1])
        told = [until(service, token, 401) for service in (first, second)]
        took = time.monotonic() - start

        say(f"refused by both after {took:.2f} s, of which the command took {took - sum(told):.2f}")
        assert took < PROMISED_S + 5  # the command itself starts an interpreter
        assert 200 == status(first, other) == status(second, other)
        headers = httpx.get(f"{first.url}/v1/trending").headers
        assert 'Bearer realm="EchoTune"' == headers["www-authenticate"]
