import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.doors.listenbrainz.refusal import Refused
from service.doors.listenbrainz.submission import TYPES, read_submission

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
names = st.text(min_size=1, max_size=20) | anything
infos = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            *("tags", "recording_mbid", "artist_mbids", "work_mbids", "duration", "duration_ms"),
            *("duration_played", "isrc", "spotify_id"),
        ),
        anything,
    ),
)
metadata = st.fixed_dictionaries(
    {"artist_name": names, "track_name": names},
    optional={"release_name": names, "additional_info": infos | anything},
)
listens = st.fixed_dictionaries(
    {"track_metadata": metadata | anything},
    optional={"listened_at": st.integers(1_033_430_400, 1_777_000_000) | anything},
)
submissions = st.fixed_dictionaries(
    {"listen_type": st.sampled_from(TYPES) | anything},
    optional={"payload": st.lists(listens, max_size=3) | anything},
)


@given(body=submissions | anything)
def test_whatever_is_sent_is_understood_or_refused(body) -> None:
    code, found = 0, None
    try:
        found = read_submission(json.dumps(body).encode(), NOW)
    except Refused as refused:
        code = refused.code
    if found is None:
        assert 400 == code
        return
    for played in found.played:
        claim = played.claim
        assert claim.artist == claim.artist.strip() != ""
        assert (played.listened_at is None) == (found.listen_type == "playing_now")
        assert claim.new_id.isalnum()
        assert "\0" not in json.dumps(played.metadata)


@given(raw=st.binary(max_size=40))
def test_bytes_that_are_no_json_are_refused(raw) -> None:
    with pytest.raises(Refused):
        read_submission(raw, NOW)
