"""`python -m bench [NAME] [--quick] [--json FILE]`; without a name: what there is to measure."""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

import bench
from bench.harness import Bench, run
from bench.readme import rewrite


def discover() -> dict[str, Bench]:
    """Collect BENCHES of every bench/bench_*.py and of bench/quality.py."""
    found: dict[str, Bench] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(bench.__path__)):
        if module.startswith("bench_") or module == "quality":
            for name, measure in importlib.import_module(f"bench.{module}").BENCHES.items():
                if name in found:
                    raise ValueError(f"two benches are named {name}")
                found[name] = measure
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run one bench, or list them all."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="seconds, not minutes; judges nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the record there, too")
    parser.add_argument("--readme", action="store_true", help="write the table in README anew")
    asked = parser.parse_args(argv)
    if asked.readme:
        rewrite()
        return 0
    benches = discover()
    if asked.name is None:
        for name, measure in sorted(benches.items()):
            print(f"{name:20} {(measure.__doc__ or '').partition(chr(10))[0]}".rstrip())
        return 0
    if asked.name not in benches:
        parser.error(f"no bench is named {asked.name}; there are: {', '.join(sorted(benches))}")
    return run(asked.name, benches[asked.name], quick=asked.quick, json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
