"""What holds for arithmetic is tried on at least 500 examples; hypothesis tries 100 unless told."""

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "core"
LEAST = 500


def called(decorator: ast.expr) -> str:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return name.id if isinstance(name, ast.Name) else ""


def examples(test: ast.FunctionDef) -> int | None:
    """How many a property test asks for; None for a test that is none."""
    decorators = {called(one): one for one in test.decorator_list}
    if "given" not in decorators:
        return None
    settings = decorators.get("settings")
    asked = settings.keywords if isinstance(settings, ast.Call) else []
    values = [one.value for one in asked if one.arg == "max_examples"]
    return int(ast.literal_eval(values[0])) if values else 0


def few(source: str) -> list[str]:
    tests = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.FunctionDef)]
    counts = {test.name: examples(test) for test in tests}
    return [name for name, count in counts.items() if count is not None and count < LEAST]


@pytest.mark.parametrize("path", sorted(CORE.glob("test_*.py")), ids=lambda path: path.stem)
def test_every_property_of_core_is_tried_often_enough(path: Path) -> None:
    assert [] == few(path.read_text(encoding="utf-8"))


def test_a_property_that_is_tried_too_seldom_is_found() -> None:
    assert ["a", "b"] == few(
        "@given(x)\ndef a(): ...\n"
        "@settings(max_examples=499)\n@given(x)\ndef b(): ...\n"
        "@settings(max_examples=500)\n@given(x)\ndef c(): ...\n"
        "def d(): ...\n"
    )
