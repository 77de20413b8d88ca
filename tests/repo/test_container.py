"""The image, as far as that can be proved without a container engine: its file, and its kernels."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from service.cli import kernels
from service.cli.kernels import digest
from service.errors import Unavailable
from tests.faults.serving import Service
from tests.servers import HOST

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FLAGS = kernels._flags()
V3 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm"}


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction and its words, comments left out and continued lines joined."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n\s*", "", kept).splitlines()
    return [(word, rest) for line in lines if line for word, _, rest in [line.partition(" ")]]


def stages(text: str) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions(text):
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def faults(text: str) -> set[str]:
    """What is wrong with a Dockerfile: hadolint's rules that matter here, and ours."""
    last = stages(text)[-1]
    words = dict(last)
    runs = [rest for word, rest in instructions(text) if word == "RUN"]
    pips = [run for run in runs if "pip install" in run and ".lock" in run]
    rules = {
        "base without digest": all(
            re.search(r"@sha256:[0-9a-f]{64}( AS \w+)?$", rest)
            for word, rest in instructions(text)
            if word == "FROM"
        ),
        "one stage": len(stages(text)) > 1,
        "install without hashes": bool(pips)
        and all("--require-hashes" in run and "--only-binary=:all:" in run for run in pips),
        "pip in the last stage": not any("pip" in rest for word, rest in last if word == "RUN"),
        "user by name, or root": bool(re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", words["USER"])),
        "files of a later user": last.index(("USER", words["USER"]))
        > max(number for number, (word, _) in enumerate(last) if word in {"RUN", "COPY"}),
        "shell before the server": words["ENTRYPOINT"].startswith("["),
        "no healthcheck": "/health/live" in words.get("HEALTHCHECK", ""),
        "ADD": all(word != "ADD" for word, _ in instructions(text)),
        "secret in the image": not re.search(r"(?i)(password|secret|token|_url)=", text),
        "another CPU at run time": len(
            {pair for pair in instructions(text) if "CPU_F" in pair[1] and pair[0] == "ARG"}
        )
        == 1
        and text.count("CPU_FEATURES=$CPU_FEATURES") == 2
        and text.count("NUMBA_CPU_NAME=$CPU") == 2,
        "no proof that kernels are read": "service.cli.image_kernels" in words["RUN"],
    }
    return {name for name, holds in rules.items() if not holds}


def test_the_dockerfile_is_as_it_should_be():
    assert set() == faults(DOCKERFILE)


@pytest.mark.parametrize(
    "old, new, fault",
    [
        (r"@sha256:[0-9a-f]{64}", "", "base without digest"),
        ("--require-hashes", "", "install without hashes"),
        ("USER 10001:10001", "USER root", "user by name, or root"),
        ("USER 10001:10001", "USER 10001:10001\nRUN true", "files of a later user"),
        (r"ENTRYPOINT \[\"echotune\"\]", "ENTRYPOINT echotune", "shell before the server"),
        ("/health/live", "/", "no healthcheck"),
        (r"(?s)(.*)NUMBA_CPU_NAME=\$CPU", r"\1NUMBA_CPU_NAME=generic", "another CPU at run time"),
        ("ENV PATH", "ENV REDIS_URL=redis://x PATH", "secret in the image"),
        ("COPY core core", "ADD core core", "ADD"),
    ],
)
def test_a_dockerfile_with_a_fault_is_found_out(old, new, fault):
    assert fault in faults(re.sub(old, new, DOCKERFILE))


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is GPL and no dependency")
def test_hadolint_has_nothing_to_say():
    subprocess.run(["hadolint", ROOT / "Dockerfile"], check=True)


def test_only_what_the_dockerfile_copies_is_sent_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:].removesuffix("/**") for line in lines if line.startswith("!")}
    copies = [rest.split() for word, rest in instructions(DOCKERFILE) if word == "COPY"]
    copied = {name for words in copies if "--from=builder" not in words for name in words[:-1]}

    assert "*" == next(line for line in lines if not line.startswith("#"))
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def image_env() -> dict[str, str]:
    """What the image sets for whoever runs in it, with the defaults of its arguments."""
    last = dict(stages(DOCKERFILE)[-1])
    args = dict(rest.split("=", 1) for word, rest in instructions(DOCKERFILE) if word == "ARG")
    named = dict(pair.split("=", 1) for pair in last["ENV"].split())
    return {name: args.get(value.removeprefix("$"), value) for name, value in named.items()}


def test_an_image_made_on_one_processor_is_at_home_on_another(monkeypatch: pytest.MonkeyPatch):
    for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"):
        monkeypatch.setenv(name, image_env()[name])
    here = kernels.digest()
    monkeypatch.setattr(kernels, "_flags", lambda: {*V3, "another"})

    assert here == kernels.digest()

    monkeypatch.delenv("NUMBA_CPU_FEATURES")  # the control: then Numba asks the processor
    there = kernels.digest()
    monkeypatch.setattr(kernels, "_flags", lambda: V3)
    assert there != kernels.digest()


def test_a_processor_that_is_too_old_is_told_so_and_not_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The control of a kind: SIGILL in the middle of a request."""
    monkeypatch.setenv("NUMBA_CPU_FEATURES", image_env()["NUMBA_CPU_FEATURES"])
    monkeypatch.setattr(kernels, "_flags", lambda: V3 - {"avx2", "abm"})

    with pytest.raises(Unavailable, match="this processor has no abm, avx2, which"):
        kernels.prepare_kernels(tmp_path)


def powerless() -> list[str]:
    """What to put before a command so that even root has to obey the mode of a folder."""
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("root may write anywhere, and there is no setpriv here")
    return [setpriv, "--inh-caps=-dac_override", "--bounding-set=-dac_override"]


READ = """
import sys
from pathlib import Path
from service.cli.kernels import prepare_kernels
assert not prepare_kernels(Path(sys.argv[1])), "something was compiled"
sys.argv[1:] = ["--cached"]
from core.warmup import main
main()
"""


@pytest.mark.skipif(not FLAGS >= V3, reason="this processor is older than x86-64-v3")
def test_a_read_only_image_starts_and_compiles_nothing(tmp_path: Path):
    """As the Dockerfile does it: compile, prove, then no right to write; and an empty one fails."""
    settings = {name: value for name, value in image_env().items() if name.startswith("NUMBA")}
    env = {**os.environ, **settings, "NUMBA_CACHE_DIR": "", "HOME": "/proc/nowhere"}
    home, empty = tmp_path / "opt", tmp_path / "empty"
    subprocess.run(
        [sys.executable, "-m", "service.cli.image_kernels", home], cwd=ROOT, env=env, check=True
    )
    empty.mkdir()
    inside = [empty, *(path for path in home.rglob("*") if path.is_dir()), home]
    for folder in inside:
        folder.chmod(0o555)
    try:
        read, unread = (
            subprocess.run(
                [*powerless(), sys.executable, "-c", READ, folder],
                cwd=ROOT,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            for folder in (home, empty)
        )
    finally:
        for folder in inside:
            folder.chmod(0o755)

    assert (0, "") == (read.returncode, read.stderr)
    assert 0 != unread.returncode
    assert "no kernels are compiled in" in unread.stderr


def test_a_kernel_that_is_not_in_the_image_fails_its_build(tmp_path: Path, kernels: Path):
    """The control of `--cached`: one kernel is taken away."""
    copy = tmp_path / "kernels"
    shutil.copytree(kernels / digest(), copy)
    command = [sys.executable, "-m", "core.warmup", "--cached"]
    env = {**os.environ, "NUMBA_CACHE_DIR": str(copy)}
    whole = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    next(copy.rglob("sgd._predict-*.nbi")).unlink()
    torn = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert (0, "") == (whole.returncode, whole.stderr)
    assert 1 == torn.returncode
    assert "not in the cache: core.sgd._predict" in torn.stderr


def test_the_healthcheck_of_the_image_tells_a_server_from_none(data: Path):
    check = json.loads(dict(stages(DOCKERFILE)[-1])["HEALTHCHECK"].partition("CMD ")[2])
    with Service(data) as service:
        asked = [word.replace("127.0.0.1:8000", f"{HOST}:{service.port}") for word in check]
        alive = subprocess.run([sys.executable, *asked[1:]], capture_output=True, check=False)
        assert 200 == httpx.get(f"{service.url}/health/live").status_code
        os.kill(service.pid, signal.SIGTERM)
        assert service._process is not None
        assert 0 == service._process.wait(15)
        gone = subprocess.run([sys.executable, *asked[1:]], capture_output=True, check=False)

    assert 0 == alive.returncode
    assert 1 == gone.returncode
