"""The table of measurements in README, made from bench/results: nobody edits a number by hand."""

from pathlib import Path

import msgspec

from bench.harness import RESULTS, Record

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- measured: ./dev bench --readme writes this -->", "<!-- /measured -->"


def block(results: Path = RESULTS) -> str:
    """Every bar of every saved result, with its figure, as Markdown."""
    lines = [
        START,
        "",
        "| bench | what | measured | bar | |",
        "|:--|:--|--:|--:|:--|",
    ]
    for path in sorted(results.glob("*.json")):
        record = msgspec.json.decode(path.read_bytes(), type=Record)
        for bar in record.bars:
            verdict = "holds" if bar.holds else "**missed**"
            source = f"[{record.bench}](bench/results/{path.name})"
            limit = f"{bar.op} {bar.limit:.4g}"
            lines.append(f"| {source} | {bar.name} | {bar.value:.4g} | {limit} | {verdict} |")
    return "\n".join([*lines, "", END])


def rewrite(readme: Path = README, results: Path = RESULTS) -> None:
    """Put the block in its place.

    Raises:
        ValueError: README has no place for it.
    """
    text = readme.read_text(encoding="utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"README.md needs the lines {START} and {END}")
    readme.write_text(before + block(results) + after, encoding="utf-8")
