"""Fixtures that every test may ask for.

datasets     the folder with real data, or a skip that says why
valkey_url   a real Valkey for the session; TEST_REDIS_URL names another server
own_valkey_url  a database of it that is empty, for one test
mongo_url    a real MongoDB wire server for the session; TEST_MONGO_URL names another
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from service.cli.kernels import prepare_kernels
from tests import servers

SERVED = Path(__file__).parents[1] / ".cache" / "served"


def _kernels_of_this_worker() -> None:
    """Numba's cache on disk has no locks: of several test processes each writes one of its own."""
    kept, worker = os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("PYTEST_XDIST_WORKER")
    if kept and worker:
        shutil.copytree(kept, f"{kept}-{worker}", dirs_exist_ok=True)
        os.environ["NUMBA_CACHE_DIR"] = f"{kept}-{worker}"


_kernels_of_this_worker()  # before anything imports numba, which reads this once

# Examples may compile a kernel or wait for a busy machine: time says nothing about right or wrong.
settings.register_profile("echotune", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("echotune")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """EchoTune runs on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="session")
def datasets() -> Path:
    folder = os.environ.get("DATASETS_DIR")
    if not folder:
        pytest.skip("DATASETS_DIR is not set: real-data test")
    return Path(folder)


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    with _installed(servers.valkey, tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
def own_valkey_url(valkey_url: str) -> Iterator[str]:
    """A database of that server which holds nothing, for an application that names its own keys."""
    url = urlsplit(valkey_url)._replace(path="/7").geturl()
    with Redis.from_url(url) as redis:
        redis.flushdb()
        yield url
        redis.flushdb()


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("TEST_MONGO_URL"):
        yield url
        return
    with _installed(servers.mongo, tmp_path_factory.mktemp("mongo")) as server:
        yield server.url


def _installed(make, folder: Path) -> servers.Server:
    try:
        return make(folder)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kernels() -> Path:
    """A folder of compiled kernels that servers share: compiled once, whoever asks first."""
    with pytest.MonkeyPatch.context() as kept:
        kept.setenv("NUMBA_CACHE_DIR", "")  # prepare_kernels sets it; this process keeps its own
        prepare_kernels(SERVED)
    return SERVED / "kernels"


@pytest.fixture
def data(tmp_path: Path, kernels: Path) -> Path:
    """A data folder with nothing in it but the kernels."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "kernels").symlink_to(kernels)
    return folder
