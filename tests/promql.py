"""What a PromQL query asks for: the series, their labels, and what is left of them."""

from collections.abc import Iterator
from pathlib import Path

import promql_parser as promql

TARGET = {"instance", "job"}  # what Prometheus adds to every series
SERVICE = Path(__file__).parents[1] / "service"

Labels = dict[str, dict[str, set[str]]]
"""Of each series its labels, and of each label the values that were seen."""


def filled(expr: str) -> str:
    return expr.replace("$__rate_interval", "5m").replace("$instance", ".+")


def parsed(expr: str) -> promql.Expr:
    return promql.parse(filled(expr))


def used(root: promql.Expr) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each series with each label asked of it, and its value if it has to be equal to one."""
    found: list[tuple[str, tuple[str, str]]] = []

    def visit(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append((str(node.name), ("", "")))
            for matcher in node.matchers.matchers:
                equal = matcher.op == promql.MatchOp.Equal
                found.append((str(node.name), (matcher.name, matcher.value if equal else "")))
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            within = {name for name, _ in used(node.expr)}
            found.extend((name, (label, "")) for name in within for label in node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
            labels = node.modifier.matching.labels
            sides = {name for side in (node.lhs, node.rhs) for name, _ in used(side)}
            found.extend((name, (label, "")) for name in sides for label in labels)

    promql.walk(root, visit)
    return iter(found)


def left(node: promql.Expr) -> set[str]:
    """Labels by which the lines of a result differ; a series without grouping: its process."""
    match node:
        case promql.AggregateExpr():
            return set(node.modifier.labels) if node.modifier else set()
        case promql.Call():
            labels = {label for argument in node.args for label in left(argument)}
            return labels - {"le"} if node.func.name == "histogram_quantile" else labels
        case promql.BinaryExpr():
            return left(node.lhs) | left(node.rhs)
        case promql.ParenExpr():
            return left(node.expr)
        case promql.VectorSelector() | promql.MatrixSelector():
            return {"instance"}
        case _:
            return set()


def faults(expr: str, seen: Labels) -> set[str]:
    return {fault for use in used(parsed(expr)) for fault in _fault(*use, seen)}


def _fault(name: str, asked: tuple[str, str], seen: Labels) -> Iterator[str]:
    label, value = asked
    if name not in seen:
        yield f"no series {name}"
    elif label and label not in seen[name].keys() | TARGET:
        yield f"{name} has no {label}"
    elif value and value not in seen[name][label] and f'"{value}"' not in _source():
        yield f"{name}: no {label} is ever {value}"


def _source() -> str:
    files = sorted(SERVICE.rglob("*.py"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
