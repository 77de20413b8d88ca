import pytest

from tests.service.doors.house import House


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path)
