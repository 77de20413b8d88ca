"""The bench harness: figures nobody has to believe blindly."""

import time

import msgspec
import numpy as np
import pytest

from bench import __main__ as command
from bench import harness
from bench.harness import Outcome, Row, bar, compare

SHAPE = {"bench", "quick", "params", "machine", "rows", "bars"}


def measure(*, quick: bool) -> Outcome:
    """Compare nothing with nothing."""
    rows = [
        Row(name="ours", median_ms=1.0, p95_ms=1.5),
        Row(name="theirs", median_ms=4.0, p95_ms=5.0, ratio=0.25, values={"recall": 0.5}),
    ]
    return Outcome(rows=rows, bars=[bar("ratio", 0.25, "<=", 0.5)], params={"n": 10})


def fail(*, quick: bool) -> Outcome:
    return Outcome(rows=[Row(name="ours")], bars=[bar("recall", 0.1, ">=", 0.2)])


def test_the_record_has_the_agreed_shape(tmp_path, capsys):
    code = harness.run("fine", measure, quick=False, json=None, results=tmp_path)

    record = msgspec.json.decode((tmp_path / "fine.json").read_bytes())
    assert 0 == code
    assert SHAPE == record.keys()
    assert {"cpu", "cores", "python", "blas"} == record["machine"].keys()
    assert {"name": "ours", "median_ms": 1.0, "p95_ms": 1.5} == record["rows"][0]
    assert {"recall": 0.5} == record["rows"][1]["values"]
    expected = {"name": "ratio", "value": 0.25, "op": "<=", "limit": 0.5, "holds": True}
    assert [expected] == record["bars"]
    printed = capsys.readouterr().out
    assert "ours/theirs" in printed
    assert "ratio: 0.25 <= 0.5  holds" in printed


def test_a_failing_bar_is_exit_1_and_still_written(tmp_path, capsys):
    assert 1 == harness.run("bad", fail, quick=False, json=None, results=tmp_path)
    assert (tmp_path / "bad.json").exists()
    assert "recall: 0.1 >= 0.2  FAILS" in capsys.readouterr().out


def test_quick_judges_nothing_and_writes_only_what_it_was_asked_for(tmp_path, capsys):
    results = tmp_path / "results"

    code = harness.run("bad", fail, quick=True, json=tmp_path / "here.json", results=results)

    assert 0 == code
    assert not results.exists()
    assert SHAPE == msgspec.json.decode((tmp_path / "here.json").read_bytes()).keys()
    assert "not judged" in capsys.readouterr().out


@pytest.mark.parametrize("op", ["<=", ">="])
def test_nan_never_holds(op):
    assert not bar("broken", float("nan"), op, 1.0).holds


def test_compare_gives_ratios_of_ours_to_theirs():
    def answer_after(seconds):
        time.sleep(seconds)
        return 42.0

    contenders = {"ours": lambda: answer_after(0.001), "theirs": lambda: answer_after(0.004)}
    rows = compare(contenders, runs=5)

    assert ["ours", "theirs"] == [row.name for row in rows]
    assert rows[0].ratio is None
    assert 0.1 < (rows[1].ratio or 0) < 0.9
    assert all((row.median_ms or 0) <= (row.p95_ms or 0) for row in rows)


def test_compare_refuses_contenders_that_disagree():
    with pytest.raises(AssertionError, match="theirs disagrees with ours"):
        compare({"ours": lambda: np.ones(3), "theirs": lambda: np.zeros(3)})


def test_compare_looks_into_tuples():
    answer = (np.arange(3), np.ones(3))
    with pytest.raises(AssertionError, match="disagrees"):
        compare({"ours": lambda: answer, "theirs": lambda: (np.arange(3), np.zeros(3))})


def test_p95_lies_between_the_samples():
    assert 95.0 == pytest.approx(harness.p95([float(n) for n in range(101)]))


def test_the_command_lists_runs_and_refuses(monkeypatch, capsys):
    monkeypatch.setattr(command, "discover", lambda: {"nothing": measure})

    assert 0 == command.main([])
    assert 0 == command.main(["nothing", "--quick"])
    printed = capsys.readouterr().out
    assert "Compare nothing with nothing." in printed
    with pytest.raises(SystemExit, match="2"):
        command.main(["unheard-of"])


def test_every_bench_says_what_it_measures():
    for name, measure in command.discover().items():
        assert measure.__doc__, f"{name} has no docstring"


def test_a_bench_without_real_data_says_so(monkeypatch):
    monkeypatch.delenv("DATASETS_DIR", raising=False)

    with pytest.raises(SystemExit, match="DATASETS_DIR is not set"):
        harness.datasets()
