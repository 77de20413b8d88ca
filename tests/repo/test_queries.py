"""Nothing that a client sends can become an operator: every query is built in one typed place."""

import ast
from pathlib import Path

import pytest

STORE = Path(__file__).parents[2] / "service" / "store"
BUILDERS = ("mongo_queries.py", "mongo_trends.py")
FILES = sorted(path for path in STORE.glob("mongo*.py") if path.name not in BUILDERS)
CALLS = {
    "find", "find_one", "find_one_and_update", "find_one_and_replace", "find_one_and_delete",
    "update_one", "update_many", "replace_one", "delete_one", "delete_many", "count_documents",
    "distinct", "aggregate", "watch", "UpdateOne", "UpdateMany", "ReplaceOne", "DeleteOne",
    "DeleteMany",
}  # fmt: skip
OF_THE_STORE = {"changed_parts": "the encoded parts of UserSettings"}


def raw(tree: ast.AST) -> list[str]:
    """Calls of the driver that get a dict written on the spot, as `line: call`."""
    return [
        f"{node.lineno}: {_name(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node) in CALLS
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
        if any(isinstance(part, ast.Dict | ast.DictComp) for part in ast.walk(argument))
        or (isinstance(argument, ast.Call) and _name(argument) == "dict")
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_filter_or_update_is_written_outside_the_builder(path):
    assert [] == raw(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        "c.find({'a': b})",
        "c.update_one(f, {'$set': d})",
        "UpdateOne(dict(a=b), u)",
        "c.find(x | {})",
    ],
)
def test_a_raw_one_would_be_seen(source):
    assert raw(ast.parse(source))


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_builder_takes_no_dict(builder):
    """Its arguments are text, numbers, times and lists of them: values, whatever a client sends."""
    tree = ast.parse((STORE / builder).read_text(encoding="utf-8"))
    taken = {
        (function.name, ast.unparse(argument.annotation))
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name not in OF_THE_STORE
        for argument in function.args.args
        if argument.annotation is not None
    }

    assert taken
    assert [] == [one for one in taken if "Document" in one[1] or "dict" in one[1].lower()]
    assert [] == [one for one in taken if "Any" in one[1] or "object" in one[1]]


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
