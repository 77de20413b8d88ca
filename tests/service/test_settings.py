"""Settings: read once, strict."""

import pytest

from service.adapters import open_jobs
from service.errors import Invalid
from service.settings import Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings() == Settings.from_env({"PATH": "/bin", "echotune_port": "1"})
    assert (8000, "127.0.0.1", None) == (Settings().port, Settings().host, Settings().metrics_port)
    assert (64 << 20, 50) == (Settings().local_cache_bytes, Settings().strategy_timeout_ms)


@pytest.mark.parametrize("url", ["", "http://x", "localhost:6379", "redis://x:port"])
def test_an_address_that_is_none_is_named(url) -> None:
    with pytest.raises(Invalid, match="ECHOTUNE_EVENTS_REDIS_URL is no Redis address"):
        open_jobs(Settings(events_redis_url=url))


def test_values_are_converted_from_text() -> None:
    settings = Settings.from_env(
        {"ECHOTUNE_PORT": "9", "ECHOTUNE_METRICS_PORT": "10", "ECHOTUNE_DATA_DIR": "/tmp/x"}
    )

    assert (9, 10, "/tmp/x") == (settings.port, settings.metrics_port, str(settings.home))


@pytest.mark.parametrize(
    "name, message",
    [
        ("ECHOTUNE_PROT", "ECHOTUNE_PROT is not a setting; did you mean ECHOTUNE_PORT?"),
        ("ECHOTUNE_DATADIR", "ECHOTUNE_DATADIR is not a setting; did you mean ECHOTUNE_DATA_DIR?"),
        ("ECHOTUNE_QQ", "ECHOTUNE_QQ is not a setting"),
        ("ECHOTUNE_", "ECHOTUNE_ is not a setting"),
    ],
)
def test_a_typo_stops_the_start_and_names_what_was_meant(name, message) -> None:
    with pytest.raises(Invalid) as caught:
        Settings.from_env({name: "1"})

    assert message == str(caught.value)


@pytest.mark.parametrize(
    "name, value",
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("PORT", ""),
        ("METRICS_PORT", "0"),
        ("LOCAL_CACHE_BYTES", "64MB"),
        ("LOCAL_CACHE_BYTES", "1000"),
        ("MONGO_URL", "http://db/echotune"),
        ("MONGO_URL", ""),
        ("STRATEGY_TIMEOUT_MS", "0"),
        ("STRATEGY_TIMEOUT_MS", "0.5"),
        ("BALANCE", "-0.1"),
        ("BALANCE", "nan"),
        ("BALANCE", "much"),
        ("EXPOSURE_EVENNESS", "1.1"),
        ("NEW_ARTIST_FLOOR", "-1"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_names_its_setting(name, value) -> None:
    with pytest.raises(Invalid, match=name.lower()):
        Settings.from_env({f"ECHOTUNE_{name}": value})
