"""An operator's CSV of weights, read strictly."""

from pathlib import Path

import pytest

from service.errors import Invalid
from service.learn.weights import read_weights
from tests.service.given import catalogue, track

KNOWN = catalogue(track("a"), track("b"), track("c"))


def test_weights_come_in_row_order_and_a_missing_track_has_none(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_text("track_id,weight,note\nc,2.5,ours\na,1,\nelsewhere,9,\n", encoding="utf-8")

    assert [1.0, 0.0, 2.5] == read_weights(path, KNOWN).tolist()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "columns track_id and weight"),
        (b"track,weight\na,1\n", "columns track_id and weight"),
        (b"track_id,weight\na,1\nb,much\n", "line 3: weight must be a number of at least 0"),
        (b"track_id,weight\na,-1\n", "line 2: weight must be a number of at least 0"),
        (b"track_id,weight\na,nan\n", "line 2: weight must be a number of at least 0"),
        (b"track_id,weight\na,inf\n", "line 2: weight must be a number of at least 0"),
        (b"track_id,weight\na\n", "line 2: weight must be a number of at least 0"),
        (b"track_id,weight\nelsewhere,1\n", "no track of this catalogue"),
        (b"track_id,weight\na,0\n", "no track of this catalogue"),
        (b"track_id,weight\n\xff,1\n", "cannot be read from weights.csv"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(tmp_path, content, message) -> None:
    path = tmp_path / "weights.csv"
    path.write_bytes(content)

    with pytest.raises(Invalid, match=message):
        read_weights(path, KNOWN)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cannot be read from none\.csv"):
        read_weights(tmp_path / "none.csv", KNOWN)
